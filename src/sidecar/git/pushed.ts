/** Which branches a bottle has pushed to which upstream: a pull request may come from these, also after the sidecar was launched again. */
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
   * Does a push, and remembers the refs that it moves. They are written down before, so that a push whose end is not
   * known counts; what the upstream refused is taken back.
   */
  readonly during: <E>(
    url: string,
    refs: ReadonlyArray<string>,
    push: Effect.Effect<PushOutcome, E>,
  ) => Effect.Effect<PushOutcome, E>
}

/** Reads what an earlier sidecar of the bottle left in the file `path`. */
export const openPushed = (path: string): Effect.Effect<PushedRefs, FileFailure> =>
  Effect.gen(function* () {
    const text = yield* textOf(path)
    const all = new Set(text.split("\n").filter((line) => line !== ""))
    // What cannot be written down is forgotten with this sidecar: then it is to be pushed again, which refuses too much.
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
 * The refs that a push would move, by what the upstream had a moment ago: one that is there already is no push, whatever
 * the agent says that it was before, and tells nothing about whose the branch is.
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
