/** keepSidecar: a sidecar that dies under a working agent is launched again, once. */
import { Duration, Effect, Option, Schedule } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import type { Backend } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import type { AssignedForge } from "../domain/Assignment.ts"
import { Sidecar } from "../services/Sidecar.ts"
import { revokeLeftKeys } from "./deployKeys.ts"
import { resolveRun, sidecarConfig } from "./resolveRun.ts"

const INTERVAL = Duration.seconds(2)

/**
 * Watches the sidecar of a bottle. When it has died it is launched again, once; a second death, or a
 * forge-targeted run whose forge this process does not have, is a warning: the bottle goes on
 * without forge and network.
 */
export const keepSidecar = Effect.fn("keepSidecar")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  forge: AssignedForge | undefined,
) {
  yield* untilDead(bottle)
  const busy = Schedule.recurWhile<{ readonly _tag: string }>(({ _tag }) => _tag === "BottleBusy")
  const needed = yield* relaunch(backend, bottle, forge).pipe(
    Effect.retry(Schedule.intersect(busy, Schedule.spaced(INTERVAL))),
    Effect.catchAll((error) => Effect.as(Effect.logWarning(error.message), true)),
  )
  // Its watcher ends with the bottle.
  if (!needed) return yield* Effect.never
  yield* untilDead(bottle)
  yield* Effect.logWarning(
    `bottle "${bottle.slug}" is without forge and network: "bot-bottle stop ${bottle.slug}" and resume it to give it a new sidecar`,
  )
})

const untilDead = Effect.fn("untilDead")(function* (bottle: BottleMetadata) {
  const sidecar = yield* Sidecar
  const alive = Effect.flatMap(
    sidecar.find(bottle.slug),
    Option.match({ onNone: () => Effect.succeed(false), onSome: (handle) => handle.alive }),
  )
  yield* Effect.delay(alive, INTERVAL).pipe(
    Effect.orElseSucceed(() => true),
    Effect.repeat({ while: (living) => living }),
  )
})

/**
 * Launches it again, as an operation: one that is under way, such as a destroy, has ended it, and would not find
 * another afterwards. Answers whether the bottle still needs one.
 */
const relaunch = Effect.fn("relaunch")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  forge: AssignedForge | undefined,
) {
  const store = yield* BottleStore
  const again = Effect.gen(function* () {
    const row = yield* store.get(bottle.slug)
    if (!Option.exists(row, ({ destroyingAt }) => Option.isNone(destroyingAt))) return false
    yield* launchAgain(backend, bottle, forge)
    return true
  })
  return yield* Effect.catchTag(store.withOperation(bottle.slug, "launch", again), "BottleNotFound", () =>
    Effect.succeed(false),
  )
})

const launchAgain = Effect.fn("launchAgain")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  forge: AssignedForge | undefined,
) {
  if (bottle.spec.forgeTargeted && forge === undefined) return
  yield* Effect.logWarning(`the sidecar of bottle "${bottle.slug}" has died; launching it again`)
  const run = yield* resolveRun({
    agent: bottle.spec.agent,
    bottles: bottle.spec.bottles,
    backend: backend.name,
    cwd: bottle.spec.cwd,
    forge,
  })
  yield* (yield* Sidecar).launch(sidecarConfig(bottle.slug, run, forge, bottle.run))
  yield* revokeLeftKeys(forge?.target)
})
