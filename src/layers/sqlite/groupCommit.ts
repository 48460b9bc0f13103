/** Group commit: values that arrive together are committed together, with one disk flush. */
import { Array as Arr, Deferred, Effect, Exit } from "effect"

/**
 * Turns `commit`, which stores many values atomically, into a function for one value. Values that arrive in one turn of the event loop,
 * or during a commit, are committed together. Commits run in their own fiber, so that an interrupted caller does not affect the others.
 */
export const groupCommit = <A, B, E>(
  commit: (values: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>,
): ((value: A) => Effect.Effect<B, E>) => {
  interface Entry {
    readonly value: A
    readonly answer: Deferred.Deferred<B, E>
  }
  let waiting: Array<Entry> = []
  let committing = false

  const commitWaiting = Effect.gen(function* () {
    yield* endOfTurn
    const entries = waiting
    waiting = []
    yield* Effect.exit(commit(entries.map(({ value }) => value))).pipe(
      Effect.flatMap(
        Exit.match({
          onSuccess: (answers) =>
            Effect.forEach(Arr.zip(entries, answers), ([{ answer }, value]) =>
              Deferred.succeed(answer, value),
            ),
          onFailure: (cause) => Effect.forEach(entries, ({ answer }) => Deferred.failCause(answer, cause)),
        }),
      ),
    )
    committing = waiting.length > 0
  })

  return Effect.fnUntraced(function* (value) {
    const answer = yield* Deferred.make<B, E>()
    waiting.push({ value, answer })
    if (!committing) {
      committing = true
      yield* Effect.forkDaemon(Effect.repeat(commitWaiting, { while: () => committing }))
    }
    return yield* Deferred.await(answer)
  })
}

/** Effect's yield is not enough: it is a microtask, before which no socket is read. */
const endOfTurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})
