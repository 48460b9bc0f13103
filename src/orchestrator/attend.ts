/** attend: a service follows the requests that operators make from other processes, and reports its health. */
import { Clock, type Context, Duration, Effect, Option, Ref, Schedule } from "effect"
import type { DurationInput } from "effect/Duration"
import { ServiceEvent } from "../domain/orchestrator/ServiceEvent.ts"
import type { ServiceHealth, SweepHealth } from "../domain/orchestrator/ServiceHealth.ts"
import { History } from "../services/History.ts"
import { Inbox } from "../services/Inbox.ts"
import { Outbox } from "../services/Outbox.ts"
import { IssueStates } from "../services/IssueStates.ts"
import { LifeCycleEngine } from "../services/LifeCycleEngine.ts"
import { ServiceState } from "../services/ServiceState.ts"
import { routeStatuses } from "./ingest/routeStatuses.ts"
import { liveIssues, lookAtRows, waitingFor } from "./lookAtRows.ts"
import type { SweepStatus } from "./sweep/sweep.ts"
import type { Observe } from "./telling.ts"
import { whenStored } from "./whenStored.ts"

/** Whether launches are paused. Read whenever something wants to start. */
export interface Pause {
  isOn: boolean
}

/** What a service attends to. */
export interface Attended {
  readonly engine: Context.Tag.Service<LifeCycleEngine>
  readonly pause: Pause
  readonly sweep: Effect.Effect<SweepStatus>
  /** What is reported, in addition to the sweep. */
  readonly health: Effect.Effect<Omit<ServiceHealth, "sweep">>
  readonly observe: Observe
  readonly poll: DurationInput
  /** How long the history of issues is kept. */
  readonly keepHistory: DurationInput
}

/** Attends until the scope ends, and reports the shutdown. Failures are logged and retried. */
export const attend = Effect.fn("attend")(function* ({
  engine,
  pause,
  sweep,
  health,
  observe,
  poll,
  keepHistory,
}: Attended) {
  const state = yield* ServiceState
  const inbox = yield* Inbox
  const outbox = yield* Outbox
  const history = yield* History
  const reported = yield* Ref.make("")
  const problem = yield* Ref.make<string | null>(null)
  const forgotAt = yield* Ref.make(0)

  const obey = Effect.gen(function* () {
    const was = pause.isOn
    pause.isOn = Option.isSome(yield* state.pausedAt)
    if (was !== pause.isOn) yield* observe(ServiceEvent.Paused({ paused: pause.isOn }))
    if (was && !pause.isOn) yield* lookAtRows(engine.look, waitingFor("paused"))
    yield* Effect.forEach(yield* state.asked, engine.look, { discard: true })
    yield* routeStatuses
    return null
  })

  const current = Effect.gen(function* () {
    return { ...(yield* health), sweep: sweepHealth(yield* sweep) } satisfies ServiceHealth
  })
  const report = Effect.gen(function* () {
    const whole = yield* current
    const now = whole.sweep.problem ?? null
    if ((yield* Ref.getAndSet(problem, now)) !== now) yield* observe(ServiceEvent.Sweep({ problem: now }))
    const text = JSON.stringify(whole)
    if (text === (yield* Ref.get(reported))) return
    yield* state.report(whole)
    yield* Ref.set(reported, text)
  })

  const forget = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (now - (yield* Ref.get(forgotAt)) < HOUR) return
    yield* Ref.set(forgotAt, now)
    yield* inbox.forget(now - KEPT)
    yield* outbox.forget(now - KEPT)
    yield* history.forget(now - Duration.toMillis(keepHistory))
  })

  yield* Effect.addFinalizer(() =>
    Effect.flatMap(Effect.all([current, Clock.currentTimeMillis]), ([whole, stoppedAt]) =>
      Effect.catchAll(state.report({ ...whole, stoppedAt }), (error) =>
        Effect.logWarning(`its shutdown cannot be reported: ${error.message}`),
      ),
    ),
  )
  const pass = (name: string, step: Effect.Effect<void, { readonly message: string }, IssueStates | Inbox>) =>
    Effect.catchAllCause(step, (cause) => Effect.logError(`${name} failed`, cause))
  // These waited for an event that may have happened while no service was running.
  const waited = waitingFor("dependencies", ...(pause.isOn ? [] : ["paused" as const]))
  yield* pass("checking what waits", lookAtRows(engine.look, waited))
  const obeyed = yield* whenStored(obey)
  yield* Effect.all([
    pass("reading orders", obeyed),
    pass("reporting", report),
    pass("forgetting hints", forget),
  ]).pipe(Effect.repeat(Schedule.spaced(poll)), Effect.forkScoped)
})

/**
 * Looks repeatedly at issues that wait for others, one of which may be in a repository that is not served. With `actsOnChecks` also at
 * issues that rest with a pull request: neither checks nor conflicts change the times that a sweep asks for.
 */
export const lookAgain = Effect.fn("attend.lookAgain")(function* (
  { look }: Context.Tag.Service<LifeCycleEngine>,
  { every, actsOnChecks }: { readonly every: DurationInput; readonly actsOnChecks: boolean },
) {
  const resting = Effect.map(liveIssues, (rows) => rows.filter(({ state }) => state.phase === "frozen"))
  const pass = Effect.zipRight(
    lookAtRows(look, waitingFor("dependencies")),
    actsOnChecks ? lookAtRows(look, resting) : Effect.void,
  ).pipe(Effect.catchAllCause((cause) => Effect.logError("looking again at what rests failed", cause)))
  yield* Effect.forkScoped(Effect.schedule(pass, Schedule.spaced(every)))
})

const sweepHealth = ({ sweptAt, failures, problem, nextAt }: SweepStatus): SweepHealth => ({
  failures,
  ...(sweptAt !== undefined && { sweptAt }),
  ...(problem !== undefined && { problem }),
  ...(nextAt !== undefined && { nextAt }),
})

const HOUR = 3_600_000
/** How long the ID of a handled hint stays known. */
const KEPT = 7 * 24 * HOUR
