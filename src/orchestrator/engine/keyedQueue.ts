/** A queue of issues to look at: one look at an issue at a time, and one more if it was requested meanwhile. */
import { Effect, Queue, Stream, SubscriptionRef } from "effect"
import { type IssueKey, issueId } from "../../domain/orchestrator/IssueKey.ts"

/** Counts running work. */
export interface Busy {
  readonly begin: Effect.Effect<void>
  readonly end: Effect.Effect<void>
  /** Waits until no work is running. */
  readonly idle: Effect.Effect<void>
}

/** No work is running. */
export const makeBusy: Effect.Effect<Busy> = Effect.map(SubscriptionRef.make(0), (count) => {
  const begin = SubscriptionRef.update(count, (n) => n + 1)
  const end = SubscriptionRef.update(count, (n) => n - 1)
  return {
    begin,
    end,
    idle: count.changes.pipe(
      Stream.filter((n) => n === 0),
      Stream.runHead,
      Effect.asVoid,
    ),
  }
})

/** Requests a look at an issue. Two requests before it begins are one look. */
export type Look = (issue: IssueKey) => Effect.Effect<void>

/** Looks at issues with `handle`, at most `concurrency` at a time, until the scope ends. */
export const makeKeyedQueue = Effect.fn("makeKeyedQueue")(function* <R>(
  { concurrency, busy }: { readonly concurrency: number; readonly busy: Busy },
  handle: (issue: IssueKey, look: Look) => Effect.Effect<void, never, R>,
) {
  const queue = yield* Queue.unbounded<IssueKey>()
  const states = new Map<string, "queued" | "active" | "again">()
  const look: Look = (issue) =>
    Effect.suspend(() => {
      const id = issueId(issue)
      const state = states.get(id)
      if (state === "active") states.set(id, "again")
      if (state !== undefined) return Effect.void
      states.set(id, "queued")
      return Effect.zipRight(busy.begin, Queue.offer(queue, issue))
    })
  const over = (issue: IssueKey) =>
    Effect.suspend(() => {
      const id = issueId(issue)
      if (states.get(id) === "again") {
        states.set(id, "queued")
        return Queue.offer(queue, issue)
      }
      states.delete(id)
      return busy.end
    })
  const work = Effect.flatMap(Queue.take(queue), (issue) =>
    Effect.sync(() => states.set(issueId(issue), "active")).pipe(
      Effect.zipRight(handle(issue, look)),
      Effect.ensuring(over(issue)),
    ),
  )
  yield* Effect.replicateEffect(Effect.forkScoped(Effect.forever(work)), concurrency, { discard: true })
  return look
})
