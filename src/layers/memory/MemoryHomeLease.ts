/** HomeLease in memory: one holder at a time among the users of the layer. */
import { Effect, Layer } from "effect"
import { HomeServed } from "../../domain/Errors.ts"
import { HomeLease } from "../../services/HomeLease.ts"

/** A lease private to this layer. */
export const layer: Layer.Layer<HomeLease> = Layer.sync(HomeLease, () => {
  let held = false
  return HomeLease.of({
    hold: Effect.acquireRelease(
      Effect.suspend(() => {
        if (held) return new HomeServed({ pid: process.pid })
        held = true
        return Effect.void
      }),
      () => Effect.sync(() => void (held = false)),
    ),
  })
})
