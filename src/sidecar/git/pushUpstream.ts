/**
 * Sends an inspected push to the upstream atomically. The agent gets the upstream's result; without a response, its refs show the
 * result.
 */
import { Effect, Either } from "effect"
import { type RefUpdate, isNoObject } from "../../domain/PushPolicy.ts"
import type { Quarantine } from "./inspect.ts"
import type { PushReport } from "./pktLine.ts"
import { GitFailure, tookNothing } from "./GitFailure.ts"
import { type RefAnswer, answersOf, failureOf, remoteLines } from "./refusals.ts"
import type { Repository } from "./Repository.ts"

/** Result of a push. */
export interface PushOutcome {
  readonly report: PushReport
  /** Why it is not at the upstream; absent when it is. */
  readonly refused?: string
  /** Whether it was sent to the upstream. */
  readonly reached?: boolean
}

/**
 * Sends a push to the upstream. Fails when it is unknown whether the upstream has it or refused it. The lease makes sure that each ref
 * at the upstream is where the agent saw it.
 */
export const pushUpstream = (
  { repository, objects }: Quarantine,
  updates: ReadonlyArray<RefUpdate>,
): Effect.Effect<PushOutcome, GitFailure> =>
  Effect.gen(function* () {
    const said = yield* Effect.either(
      repository.gitUpstream({
        args: [
          "push",
          "--porcelain",
          "--progress",
          "--atomic",
          "--no-verify",
          ...updates.map(({ ref, old }) => `--force-with-lease=${ref}:${isNoObject(old) ? "" : old}`),
          "--",
          repository.upstream.url,
          ...updates.map((update) => `${update.new}:${update.ref}`),
        ],
        objects,
      }),
    )
    if (Either.isLeft(said)) return yield* inDoubt(repository, updates, said.left)
    const { stdout, stderr } = said.right
    const answers = answersOf(stdout)
    const messages = remoteLines(stderr)
    if (updates.some(({ ref }) => (answers.get(ref) ?? NO_REPORT).kind === "NoReport"))
      return yield* inDoubt(repository, updates, failureOf(stderr))
    const refs = updates.map(({ ref }) => ({ ref, problem: problemOf(answers.get(ref) ?? NO_REPORT) }))
    const refused = refs.find(({ problem }) => problem !== undefined)
    const report = { refs, messages }
    if (refused === undefined) return { reached: true, report }
    // curl repeats a request whose connection was cut: it is then refused because the ref is already there.
    if ((yield* stateOf(repository, updates)) === "there") return taken(updates, messages, refused.problem)
    return { reached: true, report, refused: `the upstream refused ${refused.ref}: ${refused.problem}` }
  })

/** It was cut off or fell silent, and may have been accepted all the same. */
const inDoubt = Effect.fnUntraced(function* (
  repository: Repository,
  updates: ReadonlyArray<RefUpdate>,
  failure: GitFailure,
): Effect.fn.Return<PushOutcome, GitFailure> {
  if (tookNothing(failure)) return yield* failure
  const { kind, reason, remote } = failure
  const state = yield* stateOf(repository, updates)
  if (state === "there") return taken(updates, remote, reason)
  const [problem, message] =
    state === "unknown"
      ? [
          `${reason}: whether the upstream has the push is unknown`,
          "the upstream may have taken the push, or not, and cannot be asked now: fetch before you push again",
        ]
      : [
          reason,
          "asked again, the upstream does not have the push; if it is only slow it may take it yet: fetch before you push again",
        ]
  return yield* new GitFailure({ kind, reason: problem, remote: [...remote, `bot-bottle: ${message}`] })
})

/** Whether all refs of a push are now at the upstream. */
const stateOf = (
  { gitUpstream, upstream }: Repository,
  updates: ReadonlyArray<RefUpdate>,
): Effect.Effect<"there" | "not there" | "unknown"> =>
  gitUpstream({ args: ["ls-remote", "--", upstream.url, ...updates.map(({ ref }) => ref)] }).pipe(
    Effect.match({
      onFailure: () => "unknown",
      onSuccess: ({ stdout }) => {
        const lines = new Set(stdout.split("\n"))
        return updates.every((update) => lines.has(`${update.new}\t${update.ref}`)) ? "there" : "not there"
      },
    }),
  )

const taken = (
  updates: ReadonlyArray<RefUpdate>,
  messages: ReadonlyArray<string>,
  reason = "it did not say so",
): PushOutcome => ({
  reached: true,
  report: {
    refs: updates.map(({ ref }) => ({ ref, problem: undefined })),
    messages: [...messages, `bot-bottle: the upstream has the push, although: ${reason}`],
  },
})

const NO_REPORT: RefAnswer = { kind: "NoReport" }

/** The message that an agent's git shows beside the ref; none for an accepted one. */
const problemOf = (answer: RefAnswer): string | undefined => {
  switch (answer.kind) {
    case "Taken":
      return undefined
    case "Stale":
      return "fetch first"
    case "NoReport":
      return "the upstream did not say"
    case "Refused":
      return answer.problem
  }
}
