/** stop: ends the agent of a bottle and keeps the bottle. */
import { Effect, Option } from "effect"
import { BottleMetadata, withTrouble } from "../domain/Bottle.ts"
import type { BottleState } from "../domain/Bottle.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { bottleBackend, requireOwnEngine } from "./bottleBackend.ts"
import { bottleState, exitOf } from "./bottleState.ts"
import { nowIso } from "./clock.ts"
import { stopSidecar } from "./discard.ts"
import { parseSlug } from "./parseSlug.ts"

/**
 * Ends the agent of a bottle: TERM, then KILL after 10 s. Returns the resulting state of the bottle. Succeeds when the agent is not
 * running. Returns none when nothing is known of the slug.
 */
export const stop = Effect.fn("stop")(function* (name: string) {
  const slug = yield* parseSlug(name)
  const store = yield* BottleStore
  const bottle = yield* store.get(slug)
  if (Option.isNone(bottle)) return Option.none<BottleState>()
  const backend = yield* bottleBackend(bottle.value)
  yield* requireOwnEngine(backend, bottle.value)
  yield* store.withOperation(
    slug,
    "stop",
    Effect.zipRight(
      store.modify(slug, (row) => withTrouble(row, { stopped: "stop" })),
      stopAgent(backend, slug),
    ),
  )
  return yield* Effect.asSome(bottleState(backend, bottle.value))
})

/** Stops the agent and its sidecar, and records how the agent ended unless its watcher has done so. The caller holds the lease. */
export const stopAgent = Effect.fn("stopAgent")(function* (backend: Backend, slug: Slug) {
  const store = yield* BottleStore
  yield* backend.stop(slug)
  yield* stopSidecar(slug)
  if (Option.exists(yield* store.get(slug), ({ exit }) => Option.isSome(exit))) return
  const box = yield* backend.inspect(slug)
  if (Option.isSome(box) && box.value.state === "exited") {
    const { finishedAt } = box.value
    const at = finishedAt === undefined ? yield* nowIso : new Date(finishedAt).toISOString()
    const exit = Option.some(exitOf(box.value.exitCode ?? 0, at))
    yield* store.modify(
      slug,
      (row) => new BottleMetadata({ ...row, exit: Option.orElse(row.exit, () => exit) }),
    )
  }
})
