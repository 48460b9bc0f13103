/** awaitExit: watches a bottle until its agent has ended: its output, its queue, its limits and its sidecar. */
import { Duration, Effect, Equal, Option, Ref, Schedule, Stream } from "effect"
import type { AssignedForge } from "../domain/Assignment.ts"
import type { BottleMetadata } from "../domain/Bottle.ts"
import { AgentExited, BackendFailure, BottleNotFound, LimitReached } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import { BottleEvents } from "../services/BottleEvents.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { assignedForge } from "./assignedForge.ts"
import { attest } from "./attest.ts"
import { requireOwnEngine } from "./bottleBackend.ts"
import { exitOf, halfDestroyed } from "./bottleState.ts"
import { nowIso } from "./clock.ts"
import { stopSidecar } from "./discard.ts"
import { every } from "./every.ts"
import { keepLimits, useLimitOf } from "./keepLimits.ts"
import { keepSidecar } from "./keepSidecar.ts"
import type { WatchOptions } from "./options.ts"
import { parseSlug } from "./parseSlug.ts"
import { settleEvents } from "./settleEvents.ts"

const QUEUE_INTERVAL = Duration.seconds(1)
const OPERATION_INTERVAL = Duration.millis(100)

/** Exit code of an agent that was killed with its bottle. */
export const KILLED = 137

/**
 * Waits for the agent of a bottle that this process or an earlier one launched. Succeeds when the agent's exit code is 0, fails with
 * `AgentExited` when it is not, and with `LimitReached` when a limit of the run ended it. There is one watcher for each bottle.
 * Interrupting it stops nothing.
 */
export const awaitExit = Effect.fn("awaitExit")(function* (name: string, options: WatchOptions = {}) {
  const slug = yield* parseSlug(name)
  const store = yield* BottleStore
  const row = yield* store.get(slug)
  if (Option.isNone(row)) return yield* new BottleNotFound({ slug })
  const backend = yield* (yield* Backends).get(row.value.spec.backend)
  yield* store.watch(slug, watch(backend, row.value, options))
})

const watch = Effect.fn("watch")(function* (backend: Backend, bottle: BottleMetadata, options: WatchOptions) {
  const { slug } = bottle
  // With invalid values the agent still works; only its sidecar cannot be relaunched.
  const forge = yield* Effect.catchAll(assignedForge(options), (error) =>
    Effect.as(Effect.logWarning(error.message), undefined),
  )
  const lastOutput = yield* Ref.make(0)
  const limit = yield* Ref.make(Option.none<LimitReached>())
  const queue = settleEvents(slug).pipe(
    Effect.catchAll((error) => Effect.logWarning(error.message)),
    every(QUEUE_INTERVAL),
  )
  const code = yield* Effect.gen(function* () {
    yield* Effect.forkScoped(queue)
    yield* Effect.forkScoped(keepSidecar(backend, bottle, forge))
    yield* Effect.forkScoped(keepLimits(backend, bottle, lastOutput, limit))
    return yield* follow(backend, bottle, options, lastOutput)
  }).pipe(
    Effect.catchAll((error) => endedElsewhere(backend, bottle, error)),
    Effect.scoped,
  )
  const destroyed = yield* isDestroyed(slug)
  yield* recordEnd(bottle, code, forge)
  const used = yield* useLimitOf(bottle)
  const { signal } = exitOf(code, "")
  const end = { exitCode: code, ...(signal !== undefined && { signal }) }
  yield* options.observe?.({ _tag: "Exit", ...end }) ?? Effect.void
  const reached = Option.orElse(yield* limit, () => used)
  if (destroyed && code !== 0) return yield* new AgentExited({ slug, ...end, destroyed })
  if (Option.isSome(reached)) return yield* reached.value
  if (code !== 0) return yield* new AgentExited({ slug, ...end })
})

const follow = Effect.fn("follow")(function* (
  backend: Backend,
  { slug, run }: BottleMetadata,
  options: WatchOptions,
  lastOutput: Ref.Ref<number>,
) {
  yield* Stream.runForEach(backend.output(slug, run), (chunk) =>
    Effect.zipRight(
      Ref.set(lastOutput, chunk.at),
      options.observe?.({ _tag: "Output", ...chunk }) ?? Effect.void,
    ),
  )
  return yield* backend.wait(slug)
})

/**
 * A bottle that another process froze or destroyed while it was watched ended as its row says, or was killed. This waits for that
 * operation to finish: half-way, the box is gone and the row is not.
 */
const endedElsewhere = Effect.fn("endedElsewhere")(function* <E>(
  backend: Backend,
  bottle: BottleMetadata,
  error: E,
) {
  const { slug } = bottle
  yield* operationEnded(slug)
  const box = yield* backend.inspect(slug)
  if (Option.isSome(box)) {
    if (box.value.state === "exited") yield* recordEnd(bottle, box.value.exitCode ?? KILLED)
    return yield* Effect.fail(error)
  }
  const row = yield* (yield* BottleStore).get(slug)
  if (Option.isNone(row)) return KILLED
  if (Option.isSome(row.value.exit)) return row.value.exit.value.code
  if (!Equal.equals(row.value.artifact, bottle.artifact)) return KILLED
  yield* requireOwnEngine(backend, row.value)
  yield* stopSidecar(slug)
  return yield* new BackendFailure({
    backend: backend.name,
    operation: "wait",
    target: slug,
    reason: Option.isSome(row.value.destroyingAt)
      ? halfDestroyed(slug)
      : `its agent does not run: "bot-bottle resume ${slug} --headless --prompt ..." starts it`,
  })
})

/** Whether a bottle whose agent has ended was destroyed. Waits for a running destroy, which removes the row last. */
export const isDestroyed = Effect.fn("isDestroyed")(function* (slug: Slug) {
  const store = yield* BottleStore
  const { operation } = yield* store.leases(slug)
  if (operation?.name === "destroy") yield* operationEnded(slug)
  return Option.isNone(yield* store.get(slug))
})

const operationEnded = Effect.fn("operationEnded")(function* (slug: Slug) {
  const store = yield* BottleStore
  yield* Effect.repeat(store.leases(slug), {
    while: ({ operation }) => operation !== undefined,
    schedule: Schedule.spaced(OPERATION_INTERVAL),
  })
})

/** The sidecar ends with the agent, and `exit` is the last event of a run. A bottle that was destroyed meanwhile leaves no trace. */
const recordEnd = Effect.fn("recordEnd")(function* (
  { slug, run }: BottleMetadata,
  code: number,
  forge?: AssignedForge,
) {
  yield* stopSidecar(slug, forge)
  if (Option.isNone(yield* (yield* BottleStore).get(slug))) return
  const at = yield* nowIso
  yield* (yield* BottleEvents).append({ version: 1, kind: "exit", slug, run, ...exitOf(code, at) })
  yield* settleEvents(slug)
  yield* attest(slug)
})
