/** keepSidecar: a sidecar that dies under a working agent is launched again, once. */
import { Duration, Effect, Option, Schedule } from "effect"
import { BottleMetadata } from "../domain/Bottle.ts"
import type { Backend } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import type { AssignedForge } from "../domain/Assignment.ts"
import { Sidecar } from "../services/Sidecar.ts"
import { revokeLeftKeys } from "./deployKeys.ts"
import { resolveRun, sidecarConfig } from "./resolveRun.ts"

const INTERVAL = Duration.seconds(2)

/**
 * Watches the sidecar of a bottle. When it has died it is launched again, once in a run, whoever watches. A launch that
 * fails, a second death, or a forge-targeted run whose forge this process does not have, is noted in the row as failed:
 * the bottle goes on without forge and network, until somebody ends it.
 */
export const keepSidecar = Effect.fn("keepSidecar")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  forge: AssignedForge | undefined,
) {
  yield* untilDead(bottle)
  const busy = Schedule.recurWhile<{ readonly _tag: string }>(({ _tag }) => _tag === "BottleBusy")
  const came = yield* relaunch(backend, bottle, forge).pipe(
    Effect.retry(Schedule.intersect(busy, Schedule.spaced(INTERVAL))),
    Effect.catchAll((error) => Effect.as(Effect.logWarning(error.message), "failed" as const)),
  )
  // Its watcher ends with the bottle.
  if (came === "not needed") return yield* Effect.never
  if (came === "relaunched") yield* untilDead(bottle)
  yield* note(bottle, "failed")
  yield* Effect.logWarning(
    `bottle "${bottle.slug}" is without forge and network: "bot-bottle stop ${bottle.slug}" and resume it to give it a new sidecar`,
  )
})

/** The row has it, so that a second death is known as such after a restart of the watcher. */
const note = Effect.fnUntraced(function* ({ slug, run }: BottleMetadata, sidecar: "relaunched" | "failed") {
  yield* (yield* BottleStore).modify(slug, (row) => {
    if (row.run !== run) return row
    // A new sidecar tells what it sees itself: it would not take back what another one told.
    const { refused: _refused, ...trouble } = row.trouble
    return new BottleMetadata({ ...row, trouble: { ...trouble, sidecar } })
  })
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
 * another afterwards.
 */
const relaunch = Effect.fn("relaunch")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  forge: AssignedForge | undefined,
) {
  const store = yield* BottleStore
  const again = Effect.gen(function* () {
    const row = yield* store.get(bottle.slug)
    if (!Option.exists(row, ({ destroyingAt }) => Option.isNone(destroyingAt))) return "not needed" as const
    if (!(yield* isNeeded(backend, bottle))) return "not needed" as const
    const hadOne = Option.exists(row, ({ trouble }) => trouble.sidecar !== undefined)
    if (hadOne || (bottle.spec.forgeTargeted && forge === undefined)) return "failed" as const
    yield* note(bottle, "relaunched")
    yield* launchAgain(backend, bottle, forge)
    return "relaunched" as const
  })
  return yield* Effect.catchTag(store.withOperation(bottle.slug, "launch", again), "BottleNotFound", () =>
    Effect.succeed("not needed" as const),
  )
})

/** An agent that has ended, such as with its engine, needs none; one that cannot be asked about may. */
const isNeeded = (backend: Backend, { slug }: BottleMetadata) =>
  backend.inspect(slug).pipe(
    Effect.map(Option.exists(({ state }) => state === "running")),
    Effect.orElseSucceed(() => true),
  )

const launchAgain = Effect.fn("launchAgain")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  forge: AssignedForge | undefined,
) {
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
