/** startInteractive, resumeInteractive and attach: an agent on the operator's terminal. */
import { Duration, Effect, Fiber, Logger, LogLevel, Option, Schedule } from "effect"
import type { LaunchPlan } from "../domain/Bottle.ts"
import { AgentExited, BottleNotFound } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { watchOptions } from "./assignedForge.ts"
import { KILLED, awaitExit, isDestroyed } from "./awaitExit.ts"
import { exitOf } from "./bottleState.ts"
import { destroyBottle } from "./destroy.ts"
import { stopSidecar } from "./discard.ts"
import { checkStart, performStart, planStart, prepareStart } from "./launch.ts"
import type { HandOver, ResumeOptions, RunEvent, StartOptions, WatchOptions } from "./options.ts"
import { parseSlug } from "./parseSlug.ts"
import { checkResume, performResume, planResume, prepareResume } from "./relaunch.ts"
import { runningBottle } from "./tools.ts"

/** Called with the plan before anything is created. Its failure ends the start. */
export type Confirm<E, R> = (plan: LaunchPlan) => Effect.Effect<void, E, R>

/**
 * Starts an agent on the operator's terminal once `confirm` has agreed to the plan. Returns the slug when the agent has ended or the
 * terminal was detached.
 */
export const startInteractive = Effect.fn("startInteractive")(function* <E, R>(
  agent: string,
  options: StartOptions,
  confirm: Confirm<E, R>,
) {
  const prepared = yield* prepareStart(agent, options, Option.none())
  yield* checkStart(prepared)
  yield* confirm(yield* planStart(prepared))
  const slug = yield* performStart(prepared)
  yield* onNewTerminal(slug, watchOptions(options, prepared.forge))
  return slug
})

/** The same for an existing bottle. */
export const resumeInteractive = Effect.fn("resumeInteractive")(function* <E, R>(
  name: string,
  options: ResumeOptions,
  confirm: Confirm<E, R>,
) {
  const prepared = yield* prepareResume(name, options, Option.none())
  yield* checkResume(prepared)
  yield* confirm(yield* planResume(prepared))
  const slug = yield* performResume(prepared)
  yield* onNewTerminal(slug, watchOptions(options, prepared.forge))
  return slug
})

/** The same for a bottle whose agent still runs on a detached terminal. */
export const attach = Effect.fn("attach")(function* (name: string, options: WatchOptions = {}) {
  const slug = yield* parseSlug(name)
  const { backend } = yield* runningBottle(slug)
  yield* options.observe?.({ _tag: "Slug", slug }) ?? Effect.void
  yield* onTerminal(backend, slug, options)
  return slug
})

/**
 * Connects the terminal to the agent until it ends or the terminal is detached, and watches the agent meanwhile. When the terminal is
 * detached and the agent goes on, returns without an `Exit` event, with somebody else to enforce its limits. When the agent ends, fails
 * as `awaitExit` does. Logging is silent, because the agent uses the screen.
 */
const onTerminal = Effect.fn("onTerminal")(function* (
  backend: Backend,
  slug: Slug,
  { observe, handOver = warnOfLimits, ...options }: WatchOptions,
) {
  const tell = (event: RunEvent) => (event._tag === "Exit" && observe?.(event)) || Effect.void
  const watch = Effect.zipRight(begun(backend, slug), awaitExit(slug, { ...options, observe: tell })).pipe(
    Effect.catchTag("BottleBusy", () => ended(backend, slug, tell)),
    Logger.withMinimumLogLevel(LogLevel.None),
  )
  yield* Effect.gen(function* () {
    const watcher = yield* Effect.forkScoped(watch)
    yield* backend.attach(slug)
    const box = yield* backend.inspect(slug)
    if (Option.exists(box, ({ state }) => state === "running")) return
    yield* Fiber.join(watcher)
  }).pipe(Effect.scoped, Effect.ensuring(Effect.ignore(leave(backend, slug, handOver))))
})

/** Handles every kind of detach, also a terminal that was closed: the agent keeps working. */
const leave = Effect.fn("leaveTerminal")(function* (backend: Backend, slug: Slug, handOver: HandOver) {
  const row = yield* (yield* BottleStore).get(slug)
  const limited = Option.exists(
    row,
    ({ timeout, idleTimeout, useLimits }) =>
      Option.isSome(timeout) || Option.isSome(idleTimeout) || Object.keys(useLimits).length > 0,
  )
  if (!limited) return
  const box = yield* backend.inspect(slug)
  if (Option.exists(box, ({ state }) => state === "running")) yield* handOver(slug)
})

const warnOfLimits: HandOver = (slug) =>
  Effect.logWarning(`no process enforces the limits of bottle "${slug}" now: run "bot-bottle watch ${slug}"`)

const LOOK_INTERVAL = Duration.millis(200)

/** The agent of an interactive bottle starts when the terminal is attached. */
const begun = (backend: Backend, slug: Slug) =>
  Effect.repeat(backend.inspect(slug), {
    while: Option.exists(({ state }) => state === "created"),
    schedule: Schedule.spaced(LOOK_INTERVAL),
  })

/** Waits for the end of a running agent that another process watches. Fails with `AgentExited` if its exit code is not 0. */
export const awaitEnd = Effect.fn("awaitEnd")(function* (name: string) {
  const slug = yield* parseSlug(name)
  const row = yield* (yield* BottleStore).get(slug)
  if (Option.isNone(row)) return yield* new AgentExited({ slug, exitCode: KILLED, destroyed: true })
  const backend = yield* (yield* Backends).get(row.value.spec.backend)
  const code = Option.map(row.value.exit, ({ code }) => code)
  if (Option.isNone(code)) return yield* ended(backend, slug, () => Effect.void)
  const { signal } = exitOf(code.value, "")
  if (code.value !== 0)
    return yield* new AgentExited({ slug, exitCode: code.value, ...(signal !== undefined && { signal }) })
})

/** Another process watches the bottle, and stores how it ended. */
const ended = Effect.fn("ended")(function* (
  backend: Backend,
  slug: Slug,
  tell: (event: RunEvent) => Effect.Effect<void>,
) {
  const exitCode = yield* backend.wait(slug)
  const { signal } = exitOf(exitCode, "")
  const end = { exitCode, ...(signal !== undefined && { signal }) }
  yield* tell({ _tag: "Exit", ...end })
  const destroyed = yield* isDestroyed(slug)
  if (exitCode !== 0) return yield* new AgentExited({ slug, ...end, ...(destroyed && { destroyed }) })
})

/** Attaches to a new bottle. If its agent cannot be started, the bottle is removed. */
const onNewTerminal = Effect.fn("onNewTerminal")(function* (slug: Slug, options: WatchOptions) {
  const store = yield* BottleStore
  const row = yield* store.get(slug)
  if (Option.isNone(row)) return yield* new BottleNotFound({ slug })
  const backend = yield* (yield* Backends).get(row.value.spec.backend)
  const takeBack = Effect.gen(function* () {
    const box = yield* backend.inspect(slug)
    if (!Option.exists(box, ({ state }) => state === "created")) return
    if (Option.isNone(row.value.artifact)) return yield* destroyBottle(backend, slug)
    yield* stopSidecar(slug)
    yield* backend.remove(slug)
  })
  yield* onTerminal(backend, slug, options).pipe(
    Effect.onError(() => Effect.ignore(store.withOperation(slug, "destroy", takeBack))),
  )
})
