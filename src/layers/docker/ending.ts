/**
 * What ended a container: its agent, or the engine and the machine. An engine records no reason, so it is derived from times and exit
 * codes.
 */
import { Clock, Effect, Option } from "effect"
import { uptime } from "node:os"
import type { Slug } from "../../domain/Slug.ts"
import type { BackendEnding } from "../../services/Backends.ts"
import { findContainer } from "./containers.ts"
import type { Docker } from "./agent.ts"
import type { Engine, Purpose } from "./engine.ts"

/** What is known about the end of a container. Times are in milliseconds since the epoch; NaN if the engine gives none. */
export interface EndFacts {
  readonly now: number
  readonly startedAt: number
  readonly finishedAt: number
  readonly exitCode: number
  readonly outOfMemory: boolean
  /** When the current engine process was started; NaN when unknown. */
  readonly engineStartedAt: number
  /** Whether containers survive a restart of the engine. */
  readonly keepsContainers: boolean
}

/** A stopping engine gives its containers 10 s, and ends a few seconds later. */
const ENGINE_STOPS_MS = 20_000
/** An agent that ended so shortly before its engine started was stopped with the previous engine, whatever its exit code. */
const RESTART_MS = 30_000

/** Exit codes of agents that were asked or forced to end, and of containers that the engine lost. */
const STOPPED: ReadonlySet<number> = new Set([129, 130, 137, 143, 255])

/** What ended a container that bot-bottle did not stop. */
export const endingOf = (facts: EndFacts): BackendEnding => {
  const { now, startedAt, finishedAt, exitCode, outOfMemory, engineStartedAt, keepsContainers } = facts
  const isStopped = STOPPED.has(exitCode)
  if (outOfMemory) return { by: "agent" }
  // An engine without its own bridge does not report when it started.
  if (Number.isNaN(engineStartedAt)) return { by: isStopped ? "machine" : "agent" }
  if (startedAt < engineStartedAt) {
    const before = engineStartedAt - finishedAt
    // When the engine started it did not know of the container's end, or it ended containers that were still running.
    if (Number.isNaN(finishedAt) || finishedAt < startedAt) return { by: "machine" }
    if (before < 0 && !keepsContainers) return { by: "machine" }
    if (before >= 0 && (isStopped || before < RESTART_MS)) return { by: "machine" }
  }
  const clearAt = finishedAt + ENGINE_STOPS_MS
  return isStopped && now < clearAt ? { by: "unclear", clearAt } : { by: "agent" }
}

/** Asks the engine what ended an exited bottle. */
export const ending = Effect.fn("Backend.ending")(function* ({ engine, naming }: Docker, slug: Slug) {
  const purpose = { operation: "inspect", target: slug }
  const [container, engineStartedAt] = yield* Effect.all(
    [findContainer(engine, naming, purpose, slug), started(engine, purpose)],
    { concurrency: "unbounded" },
  )
  if (Option.isNone(container)) return { by: "agent" } satisfies BackendEnding
  const { State } = container.value
  const startedAt = Date.parse(State.StartedAt)
  // It matters only to a container that is older than the engine's process.
  const keepsContainers = startedAt < engineStartedAt && (yield* keeps(engine, purpose))
  return endingOf({
    now: yield* Clock.currentTimeMillis,
    startedAt,
    finishedAt: Date.parse(State.FinishedAt),
    exitCode: State.ExitCode,
    outOfMemory: State.OOMKilled,
    engineStartedAt,
    keepsContainers,
  })
})

const started = (engine: Engine, purpose: Purpose) =>
  engine.dialect.startedAt === undefined
    ? Effect.map(Clock.currentTimeMillis, (now) => now - uptime() * 1000)
    : Effect.map(engine.run(purpose, engine.dialect.startedAt), ({ exitCode, stdout }) =>
        exitCode === 0 ? Date.parse(stdout.trim().replaceAll('"', "")) : Number.NaN,
      )

const keeps = (engine: Engine, purpose: Purpose) =>
  Effect.map(
    engine.run(purpose, ["info", "--format", "{{.LiveRestoreEnabled}}"]),
    ({ stdout }) => stdout.trim() === "true",
  )
