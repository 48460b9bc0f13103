/** One look at an issue: observe, decide, commit, and begin the decided operation. */
import { Cause, Chunk, Clock, Effect, Option } from "effect"
import { ForgeRequestError } from "../../domain/Errors.ts"
import { isOutage } from "../../domain/ForgeReason.ts"
import { type IssueKey, issueId } from "../../domain/orchestrator/IssueKey.ts"
import type { InboxRow } from "../../domain/orchestrator/InboxHint.ts"
import { noticesOf } from "../../domain/orchestrator/Outbox.ts"
import type { HostName, StoredOperation } from "../../domain/orchestrator/StoredOperation.ts"
import { Inbox } from "../../services/Inbox.ts"
import { IssueStates } from "../../services/IssueStates.ts"
import { commitDecision } from "../issue/commitDecision.ts"
import { observe } from "../issue/observe.ts"
import { Outbox } from "../../services/Outbox.ts"
import { ServedRepositories, findServed } from "../ServedRepositories.ts"
import { tracedDecision } from "../trace/traced.ts"
import type { Look } from "./keyedQueue.ts"

/** Consecutive failed looks by issue, and the time of the next attempt. A new process tries at once. */
export type Failures = Map<
  string,
  { readonly issue: IssueKey; readonly count: number; readonly notBefore: number }
>

/** What a look needs in addition to the services. */
export interface LookContext<E, R> {
  readonly host: HostName
  readonly tries: number
  readonly starting: Effect.Semaphore
  /** Since when the clock has run without a jump, in milliseconds. */
  readonly steadySince: Effect.Effect<number>
  readonly failures: Failures
  readonly carry: (operation: StoredOperation, look: Look) => Effect.Effect<void, E, R>
  readonly watch: (issue: IssueKey, look: Look) => Effect.Effect<void, E, R>
}

/** Looks at an issue. A failed look leaves its hints open and is retried later. Hints whose looks fail too often are set aside. */
export const makeLookAt =
  <E, R>(context: LookContext<E, R>) =>
  (issue: IssueKey, look: Look) =>
    Effect.gen(function* () {
      const inbox = yield* Inbox
      const hints = yield* inbox.open(issue)
      yield* lookWith(context, issue, hints, look).pipe(
        Effect.zipRight(Effect.sync(() => context.failures.delete(issueId(issue)))),
        Effect.catchAllCause((cause) => failed(context, issue, hints, cause)),
      )
    }).pipe(
      // The loop goes on with the next issue. An interruption from outside does not come here.
      Effect.catchAllCause((cause) =>
        Effect.zipRight(
          postpone(context.failures, issue),
          Effect.logError(`${issueId(issue)} cannot be looked at`, cause),
        ),
      ),
    )

const lookWith = Effect.fnUntraced(function* <E, R>(
  { host, starting, steadySince, carry, watch }: LookContext<E, R>,
  asked: IssueKey,
  hints: ReadonlyArray<InboxRow>,
  look: Look,
) {
  const inbox = yield* Inbox
  const served = yield* findServed(asked)
  const handled = hints.map(({ id }) => id)
  const done = Effect.flatMap(Clock.currentTimeMillis, (now) => inbox.handle(handled, now))
  if (Option.isNone(served)) return yield* done
  const stored = yield* (yield* IssueStates).get(asked)
  // Names are compared case-insensitively, but not in every table: the first spelling is kept.
  const issue = Option.match(stored, {
    onNone: () => asked,
    onSome: ({ forge, owner, repo, issueNumber }): IssueKey => ({ forge, owner, repo, issueNumber }),
  })
  const observation = yield* observe(issue, served.value, {
    hints,
    steadySince,
  })
  const { bottle, state, operation } = observation
  if (bottle !== undefined && !state.live && operation === undefined) {
    yield* Effect.logInfo(`${issueId(issue)} has bottle ${bottle.slug}, which was started by hand`)
    return yield* done
  }
  const result = yield* commitDecision(observation, { issue, served: served.value, host, handled, starting })
  if (result._tag !== "Committed") return yield* look(issue)
  if (result.operation !== undefined) {
    yield* tracedDecision(result.operation, hints)
    yield* carry(result.operation, look)
  }
  if (result.operation === undefined && bottle?.state === "running") yield* watch(issue, look)
})

const failed = Effect.fnUntraced(function* <E, R>(
  { failures, tries }: LookContext<E, R>,
  issue: IssueKey,
  hints: ReadonlyArray<InboxRow>,
  cause: Cause.Cause<unknown>,
) {
  const id = issueId(issue)
  const { count, now } = yield* postpone(failures, issue)
  const error = Cause.squash(cause)
  const problem = error instanceof Error ? error.message : String(error)
  yield* Effect.logWarning(`${id}: ${problem}`)
  // When the forge or the engine cannot be reached, the hint is not to blame: it is retried until they are back.
  if (Chunk.every(Cause.failures(cause), isAway) && Chunk.isNonEmpty(Cause.failures(cause))) return
  // The attempts are used up: the next hint starts the count again.
  if (count >= tries) failures.delete(id)
  const aside = yield* (yield* Inbox).failed(
    hints.map(({ id }) => id),
    problem,
    tries,
  )
  if (aside.length === 0) return
  yield* Effect.logError(`${id}: ${aside.length} hints were set aside: ${problem}`)
  const { tells } = yield* ServedRepositories
  if (tells === undefined) return
  const about = { issue, slug: null, run: null, reason: problem, at: now }
  yield* (yield* Outbox).put(noticesOf(tells, "set-aside", `${id}/aside/${aside[0]}`, about), now)
})

/** The next attempt, which nothing else may ask for. */
const postpone = (failures: Failures, issue: IssueKey) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const count = (failures.get(issueId(issue))?.count ?? 0) + 1
    const notBefore = now + Math.min(RETRY * 2 ** (count - 1), RETRY_MOST)
    failures.set(issueId(issue), { issue, count, notBefore })
    return { count, now }
  })

/** Delays between failed looks, in milliseconds, doubled each time. */
const RETRY = 5_000
const RETRY_MOST = 300_000

const isAway = (error: unknown): boolean => {
  if (typeof error !== "object" || error === null || !("_tag" in error)) return false
  if (error._tag === "BackendUnavailable" || error._tag === "StateStoreError") return true
  return error instanceof ForgeRequestError && isOutage(error.reason)
}
