/**
 * The service's metrics. Every label has a value from a fixed list in this code: no name of a person, a repository, an agent or a host
 * becomes one, however events are made up.
 */
import { Clock, Effect, Match, Metric, Option } from "effect"
import type { ServiceEvent } from "../../domain/orchestrator/ServiceEvent.ts"
import { allPages } from "../../programs/allPages.ts"
import { Inbox } from "../../services/Inbox.ts"
import { IssueStates } from "../../services/IssueStates.ts"
import { ProvenanceStore } from "../../services/ProvenanceStore.ts"
import { ServiceState } from "../../services/ServiceState.ts"
import type { Refusal } from "./door/admit.ts"
import { prometheusText } from "./prometheus.ts"

const counter = (name: string, description: string) =>
  Metric.counter(`bot_bottle_${name}_total`, { description, incremental: true })
const gauge = (name: string, description: string) => Metric.gauge(`bot_bottle_${name}`, { description })

const decided = counter("decisions", "Operations that were decided, by kind")
const operated = counter("operations", "Operations that ended, by kind and result")
const waited = counter("waits", "Issues that began to wait for something else")
const sweeps = counter("sweep_failures", "Sweeps that failed, counted when the first of a row fails")
const webhooks = counter("webhooks", "Webhooks that arrived, by result")
const refusals = counter("http_refusals", "Requests of operators that were refused, by reason")

const issues = gauge("issues", "Issues that are meant for an agent, by phase")
const aside = gauge("hints_set_aside", "Hints that failed every time and wait for a person")
const waiting = gauge("issues_hinted", "Issues with hints that are not handled yet")
const paused = gauge("paused", "1 while launches are paused")
const sweptAt = gauge("sweep_timestamp_seconds", "When the last completed sweep began, in seconds since 1970")
const failures = gauge(
  "sweep_failures_in_a_row",
  "How many sweeps have failed since the last one that completed",
)
const startedAt = gauge("start_timestamp_seconds", "When the service started, in seconds since 1970")
const now = gauge("time_seconds", "The service's clock, in seconds since 1970")
const memory = gauge("resident_memory_bytes", "Resident memory of the service's process")
const unsigned = gauge("provenance_unsigned", "Statements about runs that are not signed yet")

const KINDS = new Set(["Launch", "Resume", "Stop", "Freeze", "Destroy"])
const PHASES = ["idle", "running", "frozen", "destroyed"] as const

const kindOf = (operation: string): string => (KINDS.has(operation) ? operation.toLowerCase() : "other")

const operatedAs = (operation: string, result: string) =>
  Metric.tagged(Metric.tagged(operated, "operation", operation), "result", result)

/** Counts an event. */
export const countEvent: (event: ServiceEvent) => Effect.Effect<void> = Match.type<ServiceEvent>().pipe(
  Match.tag("Began", ({ operation }) =>
    Metric.increment(Metric.tagged(decided, "operation", kindOf(operation))),
  ),
  Match.tag("Ended", ({ operation, problem }) =>
    Metric.increment(operatedAs(kindOf(operation), problem === undefined ? "done" : "failed")),
  ),
  Match.tag("Waits", () => Metric.increment(waited)),
  Match.tag("Sweep", ({ problem }) => (problem === null ? Effect.void : Metric.increment(sweeps))),
  Match.orElse(() => Effect.void),
)

/** Counts a webhook. */
export const countWebhook = (result: "stored"): Effect.Effect<void> =>
  Metric.increment(Metric.tagged(webhooks, "result", result))

/** Counts a request that the gate refused. */
export const countRefusal = (reason: Refusal | "sign-in"): Effect.Effect<void> =>
  Metric.increment(Metric.tagged(refusals, "reason", reason))

/** A counter that nothing has happened to is 0, and not absent: a rate needs its first value. */
const zeros = Effect.gen(function* () {
  const kinds = [...KINDS].map(kindOf)
  for (const kind of kinds) {
    yield* Metric.incrementBy(Metric.tagged(decided, "operation", kind), 0)
    for (const result of ["done", "failed"]) yield* Metric.incrementBy(operatedAs(kind, result), 0)
  }
  yield* Metric.incrementBy(Metric.tagged(webhooks, "result", "stored"), 0)
  for (const reason of ["host", "malformed", "origin", "sign-in", "token"])
    yield* Metric.incrementBy(Metric.tagged(refusals, "reason", reason), 0)
  yield* Metric.incrementBy(waited, 0)
  yield* Metric.incrementBy(sweeps, 0)
})

/** Reads what is stored, and returns all metrics as text. */
export const scrape = Effect.fn("metrics.scrape")(function* () {
  yield* zeros
  const inbox = yield* Inbox
  const state = yield* ServiceState
  const rows = yield* allPages((yield* IssueStates).all)
  const phases = new Map<string, number>(PHASES.map((phase) => [phase, 0]))
  for (const {
    state: { phase, live },
  } of rows) {
    if (!live && phase === "idle") continue
    const name = phases.has(phase) ? phase : "other"
    phases.set(name, (phases.get(name) ?? 0) + 1)
  }
  for (const [phase, count] of phases) yield* Metric.set(Metric.tagged(issues, "phase", phase), count)
  yield* Metric.set(aside, (yield* allPages(inbox.setAside)).length)
  yield* Metric.set(waiting, (yield* allPages(inbox.waiting)).length)
  yield* Metric.set(unsigned, (yield* (yield* ProvenanceStore).unsigned).length)
  yield* Metric.set(paused, Option.isSome(yield* state.pausedAt) ? 1 : 0)
  const health = yield* state.health
  if (Option.isSome(health)) {
    const { sweep, startedAt: started } = health.value
    yield* Metric.set(failures, sweep.failures)
    yield* Metric.set(startedAt, started / 1000)
    if (sweep.sweptAt !== undefined) yield* Metric.set(sweptAt, sweep.sweptAt / 1000)
  }
  yield* Metric.set(now, (yield* Clock.currentTimeMillis) / 1000)
  yield* Metric.set(memory, process.memoryUsage.rss())
  return prometheusText(yield* Metric.snapshot)
})
