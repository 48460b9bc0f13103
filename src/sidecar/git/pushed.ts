/**
 * Records which branches a bottle has pushed to which upstream: pull requests may come from these, even after the sidecar was
 * relaunched.
 */
import { Effect } from "effect"
import { type RefUpdate } from "../../domain/PushPolicy.ts"
import { type FileFailure, replaceFile, textOf } from "../../files/files.ts"
import type { PushOutcome } from "./pushUpstream.ts"
import type { GitFailure } from "./GitFailure.ts"
import type { Repository } from "./Repository.ts"

/** The branches that a bottle has pushed. */
export interface PushedRefs {
  /** Whether a push of this bottle moved that ref (a full name) of the upstream. */
  readonly has: (url: string, ref: string) => boolean
  /**
   * Runs a push and records the refs that it moves. They are written down before, so that a push with an unknown result counts. What
   * the upstream refused is removed again.
   */
  readonly during: <E>(
    url: string,
    refs: ReadonlyArray<string>,
    push: Effect.Effect<PushOutcome, E>,
  ) => Effect.Effect<PushOutcome, E>
}

/** Reads the record of the bottle's earlier sidecar from the file `path`. */
export const openPushed = (path: string): Effect.Effect<PushedRefs, FileFailure> =>
  Effect.gen(function* () {
    const text = yield* textOf(path)
    const all = new Set(text.split("\n").filter((line) => line !== ""))
    // A record that cannot be written is lost with this sidecar: the branch must then be pushed again, which errs on the safe side.
    const save = Effect.suspend(() => Effect.ignore(replaceFile(path, `${[...all].join("\n")}\n`)))
    return {
      has: (url, ref) => all.has(lineOf(url, ref)),
      during: (url, refs, push) =>
        Effect.gen(function* () {
          const fresh = refs.map((ref) => lineOf(url, ref)).filter((line) => !all.has(line))
          if (fresh.length === 0) return yield* push
          for (const line of fresh) all.add(line)
          yield* save
          const outcome = yield* push
          if (outcome.refused !== undefined) {
            for (const line of fresh) all.delete(line)
            yield* save
          }
          return outcome
        }),
    }
  })

/**
 * The refs that a push would move, compared with the upstream's latest state. A ref that is already there is not moved, whatever old
 * value the agent claims, and says nothing about whose branch it is.
 */
export const movedRefs = (
  { git }: Pick<Repository, "git">,
  updates: ReadonlyArray<RefUpdate>,
): Effect.Effect<ReadonlyArray<string>, GitFailure> =>
  Effect.map(
    git({
      args: ["for-each-ref", "--format=%(objectname) %(refname)", "--", ...updates.map(({ ref }) => ref)],
    }),
    ({ stdout }) => {
      const there = new Set(stdout.split("\n"))
      return updates.flatMap((update) => (there.has(`${update.new} ${update.ref}`) ? [] : [update.ref]))
    },
  )

const lineOf = (url: string, ref: string): string => `${ref} ${url}`
