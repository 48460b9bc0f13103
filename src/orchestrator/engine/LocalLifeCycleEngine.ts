/** LifeCycleEngine in this process: a keyed queue of issues, and fibers for operations and watched runs. */
import { Clock, Duration, Effect, FiberMap, FiberSet, Iterable, Layer, Option, Ref, Schedule } from "effect"
import type { DurationInput } from "effect/Duration"
import { type IssueKey, issueId, type Page } from "../../domain/orchestrator/IssueKey.ts"
import { fairOrder } from "../../domain/orchestrator/fairOrder.ts"
import type { InboxHint } from "../../domain/orchestrator/InboxHint.ts"
import type { StoredIssue } from "../../domain/orchestrator/StoredIssue.ts"
import type { HostName, StoredOperation } from "../../domain/orchestrator/StoredOperation.ts"
import { HomeLease } from "../../services/HomeLease.ts"
import { Inbox } from "../../services/Inbox.ts"
import { IssueStates } from "../../services/IssueStates.ts"
import { LifeCycleEngine } from "../../services/LifeCycleEngine.ts"
import { Operations } from "../../services/Operations.ts"
import { Sidecar } from "../../services/Sidecar.ts"
import { operate } from "../host/operate.ts"
import { traced } from "../trace/traced.ts"
import { watchRun } from "../host/watchRun.ts"
import { bottleOf } from "../issue/observeBottle.ts"
import { ServedRepositories } from "../ServedRepositories.ts"
import { liveIssues, lookAtRows, waitingFor } from "../lookAtRows.ts"
import { whenStored } from "../whenStored.ts"
import { makeIntake } from "./intake.ts"
import { type Failures, makeLookAt } from "./lookAt.ts"
import { type Look, makeBusy, makeKeyedQueue } from "./keyedQueue.ts"
import { allPages } from "../../programs/allPages.ts"

/** Options of the engine. */
export interface LocalEngineOptions {
  /** Name of this machine in the operations that it carries out. */
  readonly host: HostName
  /** How many issues are looked at, and how many operations are carried out, at once; 8 unless given. */
  readonly concurrency?: number
  /** How often hints and timers are checked; 1 second unless given. */
  readonly poll?: DurationInput
  /** How often looking at a hint may fail before the hint is set aside; 5 unless given. */
  readonly tries?: number
}

/**
 * The engine. It works until its scope ends; agents keep running after that. Fails with `HomeServed` when another process serves the
 * home.
 */
export const layer = (options: LocalEngineOptions) => Layer.scoped(LifeCycleEngine, make(options))

const make = Effect.fnUntraced(function* ({
  host,
  concurrency = 8,
  poll = "1 second",
  tries = 5,
}: LocalEngineOptions) {
  yield* (yield* HomeLease).hold
  const inbox = yield* Inbox
  const states = yield* IssueStates
  const operations = yield* Operations
  const repositories = yield* ServedRepositories
  const { prepare } = yield* Sidecar
  const busy = yield* makeBusy
  const steadySince = yield* makeSteadySince(poll)
  const starting = yield* Effect.makeSemaphore(1)
  const room = yield* Effect.makeSemaphore(concurrency)
  const watchers = yield* FiberMap.make<string>()
  const carriers = yield* FiberSet.make()
  const carried = new Set<string>()
  let hasCarried = false
  const failures: Failures = new Map()

  const tellBy = (look: Look) => (hint: InboxHint) => {
    const { forge, owner, repo, issueNumber } = hint
    return Effect.zipRight(
      inbox.accept(hint),
      issueNumber === null ? Effect.void : look({ forge, owner, repo, issueNumber }),
    )
  }

  /** Watches the newest run of an issue's bottle, only once at a time. */
  const watch = Effect.fn("engine.watch")(function* (issue: IssueKey, look: Look) {
    const bottle = yield* bottleOf(issue)
    const served = repositories.find(issue)
    if (Option.isNone(bottle) || Option.isNone(served)) return
    const { slug, run } = bottle.value.metadata
    yield* FiberMap.run(
      watchers,
      `${slug}:${run}`,
      watchRun({ issue, slug, run, served: served.value }, tellBy(look)).pipe(
        // An engine that cannot be reached may still have its bottles.
        Effect.tapError((error) =>
          Effect.logWarning(`watching the agent of ${slug} failed, trying again: ${error.message}`),
        ),
        Effect.retry(Schedule.spaced(WATCH_AGAIN)),
        Effect.catchAllCause((cause) => Effect.logWarning(`the agent of ${slug} is not watched`, cause)),
      ),
      { onlyIfMissing: true },
    )
  })

  /** Carries out an operation in its own fiber, only once at a time. */
  const carry = Effect.fn("engine.carry")(function* (operation: StoredOperation, look: Look) {
    const served = repositories.find(operation)
    if (Option.isNone(served) || carried.has(operation.id)) return
    carried.add(operation.id)
    const work = traced(operation, operate(operation, served.value)).pipe(
      room.withPermits(1),
      Effect.zipLeft(prepare),
      Effect.zipRight(wake(look)),
      Effect.zipRight(look(operation)),
      Effect.catchAllCause((cause) => Effect.logWarning(`${operation.id} is to be repeated`, cause)),
      Effect.ensuring(
        Effect.zipRight(
          Effect.sync(() => {
            carried.delete(operation.id)
            // One that failed is still open, and nothing was stored about it.
            hasCarried = true
          }),
          busy.end,
        ),
      ),
    )
    // Before the fiber runs, so that a caller that waits for the engine to be idle also waits for this operation.
    yield* busy.begin
    yield* FiberSet.run(carriers, work)
  })

  /** Looks at the issues that wait for room, in a fair order. */
  const wake = Effect.fn("engine.wake")(function* (look: Look) {
    // A decision to start reads the room and stores what it waits for while it holds this: none falls between.
    const rows = yield* starting.withPermits(1)(waitingForRoom)
    const waiting = rows.map(({ forge, owner, repo, issueNumber, decidedAt }) => ({
      issue: { forge, owner, repo, issueNumber },
      repository: `${owner}/${repo}`,
      number: issueNumber,
      since: decidedAt,
    }))
    yield* Effect.forEach(fairOrder(waiting, ""), ({ issue }) => look(issue), { discard: true })
  })

  const lookAt = makeLookAt({ host, tries, starting, steadySince, failures, carry, watch })
  const intake = yield* makeIntake()
  const look = yield* makeKeyedQueue({ concurrency, busy }, (issue, look) =>
    intake.looking(lookAt(issue, look)),
  )

  /** No important state is in memory: everything open is found in the tables. */
  const sweepTables = Effect.gen(function* () {
    hasCarried = false
    const now = yield* Clock.currentTimeMillis
    const rested = (issue: IssueKey) => (failures.get(issueId(issue))?.notBefore ?? now) <= now
    const hinted = yield* allPages(inbox.waiting)
    const due = yield* allPages((page: Page<StoredIssue>) => states.due(now, page))
    const issues = [
      ...hinted.flatMap(({ issueNumber, ...row }) => (issueNumber === null ? [] : [{ ...row, issueNumber }])),
      ...due,
      // Not every look has a hint that stays open when the look fails.
      ...[...failures.values()].map(({ issue }) => issue),
    ]
    yield* Effect.forEach(
      issues.filter(rested),
      ({ forge, owner, repo, issueNumber }) => look({ forge, owner, repo, issueNumber }),
      { discard: true },
    )
    const open = yield* allPages((page: Page<StoredOperation>) => operations.open(host, page))
    yield* Effect.forEach(open, (operation) => carry(operation, look), { discard: true })
    return (yield* states.due(Number.MAX_SAFE_INTEGER, { limit: 1 }))[0]?.state.nextAt ?? null
  })
  const isWanted = (now: number) =>
    hasCarried || Iterable.some(failures.values(), ({ notBefore }) => notBefore <= now)
  const tick = Effect.zipRight(steadySince, yield* whenStored(sweepTables, isWanted))

  const start = Effect.gen(function* () {
    // What waits for room has no time of its own, and the limits may have changed.
    yield* lookAtRows(look, liveIssues)
    yield* lookAtRows(look, waitingForRoom)
    yield* tick.pipe(
      Effect.catchAllCause((cause) => Effect.logError("the tables cannot be read", cause)),
      Effect.repeat(Schedule.spaced(poll)),
      Effect.forkScoped,
    )
  })
  yield* start
  yield* Effect.forkScoped(prepare)
  return LifeCycleEngine.of({
    hint: Effect.fn("LifeCycleEngine.hint")(function* (hint) {
      const accepted = yield* intake.accepting(inbox.accept(hint))
      const { forge, owner, repo, issueNumber } = hint
      if (accepted === "accepted" && issueNumber !== null) yield* look({ forge, owner, repo, issueNumber })
      return accepted
    }),
    look,
    idle: busy.idle,
  })
})

/** Delay before watching an agent again after watching failed. */
const WATCH_AGAIN = Duration.seconds(10)

/** These have no time of their own: there may be room whenever an operation ends, or the limits change. */
const waitingForRoom = waitingFor("limit", "turn")

/**
 * Since when the clock has run without a gap, in milliseconds. Call it at least at each poll. After a suspend or a clock jump no agent
 * counts as silent for longer than it had the chance to report. Looks call it too: a webhook may arrive before the first poll after a
 * jump.
 */
const makeSteadySince = Effect.fnUntraced(function* (poll: DurationInput) {
  const began = yield* Clock.currentTimeMillis
  const known = yield* Ref.make({ since: began, last: began })
  const expected = Duration.toMillis(poll)
  return Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Ref.modify(known, ({ since, last }) => {
      const steady = now < last || now - last > expected + JUMP ? now : since
      return [steady, { since: steady, last: now }]
    }),
  )
})

/** A poll this much later than scheduled was delayed by more than load, in milliseconds. */
const JUMP = 60_000
