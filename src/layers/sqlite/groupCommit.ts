/** Group commit: what arrives together is committed together, with one flush of the disk. */
import { Array as Arr, Deferred, Effect, Exit } from "effect"

/**
 * Makes of `commit`, which stores many values whole or not, a function for one. Whoever comes first waits for the end of this turn of the
 * event loop, and then commits what all others brought until then: uninterrupted, because they depend on it.
 */
export const groupCommit = Effect.fnUntraced(function* <A, B, E>(
  commit: (values: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E>,
) {
  interface Entry {
    readonly value: A
    readonly answer: Deferred.Deferred<B, E>
  }
  const turn = (yield* Effect.makeSemaphore(1)).withPermits(1)
  const waiting = new Set<Entry>()
  const commitAll = Effect.gen(function* () {
    yield* endOfTurn
    const entries = [...waiting]
    waiting.clear()
    const exit = yield* Effect.exit(commit(entries.map(({ value }) => value)))
    yield* Exit.match(exit, {
      onSuccess: (answers) =>
        Effect.forEach(Arr.zip(entries, answers), ([{ answer }, value]) => Deferred.succeed(answer, value)),
      onFailure: (cause) => Effect.forEach(entries, ({ answer }) => Deferred.failCause(answer, cause)),
    })
  })
  return (value: A): Effect.Effect<B, E> =>
    Effect.gen(function* () {
      const entry: Entry = { value, answer: yield* Deferred.make<B, E>() }
      waiting.add(entry)
      yield* turn(
        Effect.suspend(() => (waiting.has(entry) ? Effect.uninterruptible(commitAll) : Effect.void)),
      )
      return yield* Deferred.await(entry.answer)
    })
})

/** A yield of Effect would not do: it is a microtask, before which no socket is read. */
const endOfTurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})
