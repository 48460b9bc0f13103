/** bringUp: brings up sidecar, image and bottle in parallel, until the agent runs. Start and resume share it. */
import { Effect, Option, Ref } from "effect"
import { BottleMetadata } from "../domain/Bottle.ts"
import type { BottlePlan, RunTrigger } from "../domain/Bottle.ts"
import { useLimits } from "../domain/RunLimits.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import type { SidecarConfig } from "../services/Sidecar.ts"
import { Sidecar } from "../services/Sidecar.ts"
import { nowIso } from "./clock.ts"
import type { ResolvedRun } from "./resolveRun.ts"
import { requireVerified } from "./requireVerified.ts"
import { revokeLeftKeys } from "./deployKeys.ts"

/**
 * Brings up a bottle by its plan and records it in its row. An interactive bottle is only created: its agent starts when a terminal is
 * attached. After a failure the caller removes what was created. `made` becomes true when the backend is asked to create something, so
 * that an engine that never responded is not asked to remove it.
 */
export const bringUp = Effect.fn("bringUp")(function* (
  { backend, bottle: manifest, manifests }: Pick<ResolvedRun, "backend" | "bottle" | "manifests">,
  trigger: RunTrigger | undefined,
  plan: BottlePlan,
  config: SidecarConfig,
  bottle: BottleMetadata,
  made: Ref.Ref<boolean>,
) {
  const store = yield* BottleStore
  yield* Option.match(backend.warning, {
    onNone: () => Effect.void,
    onSome: (text) => Effect.logWarning(text),
  })
  const startedAt = yield* nowIso
  const make = Effect.gen(function* () {
    const [engine] = yield* Effect.all([recordEngine(backend, plan.slug), backend.ensureImage(plan)], {
      concurrency: "unbounded",
    })
    yield* Ref.set(made, true)
    const created = yield* backend.create(plan)
    yield* store.put(
      new BottleMetadata({
        ...bottle,
        engine,
        run: plan.run,
        user: Option.some(created.user),
        imageDigest: Option.orElse(bottle.imageDigest, () => Option.some(created.imageDigest)),
        startedAt: Option.some(startedAt),
        exit: Option.none(),
        done: Option.none(),
        use: Option.none(),
        useLimits: useLimits(manifest.limits),
        trouble: {},
        launched: Option.some({ image: plan.image, manifests, trigger: trigger ?? { by: "caller" } }),
      }),
    )
    // For a bottle that continues: the image that its artifact was made from.
    const image = Option.getOrElse(bottle.imageDigest, () => created.imageDigest)
    if (manifest.verify === "required") yield* requireVerified(manifest, backend, image)
    if (!plan.interactive) yield* backend.start(plan.slug)
  })
  yield* Effect.all([launchSidecar(config), make, revokeLeftKeys(config.forge?.target)], {
    concurrency: "unbounded",
    discard: true,
  })
})

/** Stored before anything is created, so that the row of a killed launch names its engine; none if the engine cannot be reached. */
const recordEngine = Effect.fn("recordEngine")(function* (backend: Backend, slug: Slug) {
  const engine = backend.engine === undefined ? Option.none<string>() : yield* Effect.option(backend.engine)
  yield* (yield* BottleStore).modify(slug, (row) => new BottleMetadata({ ...row, engine }))
  return engine
})

/** A sidecar that a killed launch left has another document: it is stopped, and the new one replaces it. */
const launchSidecar = Effect.fn("launchSidecar")(function* (config: SidecarConfig) {
  const sidecar = yield* Sidecar
  const launch = sidecar.launch(config)
  yield* Effect.catchTag(launch, "SidecarError", (error) =>
    Effect.flatMap(
      sidecar.find(config.slug),
      Option.match({
        onNone: () => Effect.fail(error),
        onSome: (left) => Effect.zipRight(left.stop, launch),
      }),
    ),
  )
})
