/** keepSidecar: relaunches a sidecar that dies while its agent runs, once. */
import { Duration, Effect, Option, Schedule } from "effect"
import { BottleMetadata } from "../domain/Bottle.ts"
import { withoutUseLimits } from "../domain/RunLimits.ts"
import type { Backend } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import type { AssignedForge } from "../domain/Assignment.ts"
import { Sidecar } from "../services/Sidecar.ts"
import { revokeLeftKeys } from "./deployKeys.ts"
import { resolveRun, sidecarConfig } from "./resolveRun.ts"

const INTERVAL = Duration.seconds(2)

/**
 * Watches the sidecar of a bottle, and relaunches it when it dies, once per run, whoever watches. When the relaunch fails, when it dies
 * again, or when this process does not have the forge of a forge-targeted run, the row records a failed sidecar: the bottle goes on
 * without forge and network until somebody ends it.
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
  // Never ends by itself: the bottle's watcher interrupts it.
  if (came === "not needed") return yield* Effect.never
  if (came === "relaunched") yield* untilDead(bottle)
  yield* note(bottle, "failed")
  yield* Effect.logWarning(
    `bottle "${bottle.slug}" has no forge and no network: stop it with "bot-bottle stop ${bottle.slug}" and resume it, to get a new sidecar`,
  )
})

/** Recorded in the row, so that a second death is recognised after the watcher restarts. */
const note = Effect.fnUntraced(function* (
  { slug, run }: BottleMetadata,
  sidecar: "relaunched" | "failed" | undefined,
) {
  yield* (yield* BottleStore).modify(slug, (row) => {
    if (row.run !== run) return row
    // The new sidecar reports what it sees itself, and would not clear a report of the old one.
    const { refused: _refused, sidecar: _sidecar, ...trouble } = row.trouble
    return new BottleMetadata({
      ...row,
      trouble: { ...trouble, ...(sidecar === undefined ? {} : { sidecar }) },
    })
  })
})

const untilDead = Effect.fn("untilDead")(function* ({ slug }: BottleMetadata) {
  const sidecar = yield* Sidecar
  const isDead = sidecar
    .find(slug)
    .pipe(
      Effect.flatMap(Option.match({ onNone: () => Effect.succeed(false), onSome: ({ alive }) => alive })),
      Effect.match({ onFailure: () => false, onSuccess: (isAlive) => !isAlive }),
    )
  for (;;) {
    yield* Effect.sleep(INTERVAL)
    if (yield* isDead) return
  }
})

/**
 * Relaunches it as an operation. An operation in progress, such as a destroy, has stopped the sidecar, and would not find a new one
 * afterwards.
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
    // A launch that its watcher interrupts has ended its process: the next watcher launches another.
    yield* Effect.onInterrupt(launchAgain(backend, bottle, forge), () =>
      Effect.ignore(note(bottle, undefined)),
    )
    return "relaunched" as const
  })
  return yield* Effect.catchTag(store.withOperation(bottle.slug, "launch", again), "BottleNotFound", () =>
    Effect.succeed("not needed" as const),
  )
})

/** An agent that has ended, for example with its engine, needs no sidecar. One whose state is unknown may need it. */
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
  // The limits that the run began with, whatever the manifest says by now.
  const limits = { ...withoutUseLimits(run.bottle.limits), ...bottle.useLimits }
  const config = sidecarConfig(bottle.slug, { ...run, bottle: { ...run.bottle, limits } }, forge, bottle.run)
  yield* (yield* Sidecar).launch(config)
  yield* revokeLeftKeys(forge?.target)
})
