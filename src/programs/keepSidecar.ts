/** keepSidecar: a sidecar that dies under a working agent is launched again, once. */
import { Duration, Effect, Option } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import type { Backend } from "../services/Backends.ts"
import type { ForgeEnv } from "../services/Sidecar.ts"
import { Sidecar } from "../services/Sidecar.ts"
import { resolveRun, sidecarConfig } from "./resolveRun.ts"

const INTERVAL = Duration.seconds(2)

/**
 * Watches the sidecar of a bottle. When it has died it is launched again, once; a second death, or a
 * forge-targeted run whose `forgeEnv` this process does not have, is a warning: the bottle goes on
 * without forge and network.
 */
export const keepSidecar = Effect.fn("keepSidecar")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  forgeEnv: ForgeEnv | undefined,
) {
  yield* untilDead(bottle)
  yield* Effect.logWarning(`the sidecar of bottle "${bottle.slug}" has died; launching it again`)
  yield* relaunch(backend, bottle, forgeEnv).pipe(
    Effect.zipRight(untilDead(bottle)),
    Effect.catchAll((error) => Effect.logWarning(error.message)),
  )
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

const relaunch = Effect.fn("relaunch")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  forgeEnv: ForgeEnv | undefined,
) {
  if (bottle.spec.forgeTargeted && forgeEnv === undefined) return
  const run = yield* resolveRun({
    agent: bottle.spec.agent,
    bottles: bottle.spec.bottles,
    backend: backend.name,
    cwd: bottle.spec.cwd,
    forgeEnv: forgeEnv ?? {},
  })
  yield* (yield* Sidecar).launch(sidecarConfig(bottle.slug, run, forgeEnv ?? {}))
})
