/** What comes of a life whose engine ends before any of its steps. A layer's test gives the stores that outlive each engine. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer, type Scope } from "effect"
import { type Ending, liveThrough } from "../orchestrator/life.ts"
import { type LifeStores, makeWorld, type WorldOptions } from "../orchestrator/world.ts"

/** Runs the suite; of `every` steps the engine ends before one. */
export const lifeCycleEngineEndings = (
  name: string,
  stores: () => Effect.Effect<Layer.Layer<LifeStores, unknown>, never, Scope.Scope>,
  every = 1,
): void => {
  const inWorld = (options: WorldOptions = {}) =>
    Effect.flatMap(stores(), (layer) => makeWorld({ stores: layer, ...options }))
  const everywhere = Effect.fnUntraced(function* (ending: Ending) {
    const calls = yield* liveThrough(inWorld, ending, 0)
    expect(calls.length).toBeGreaterThan(60)
    const ends = calls.flatMap((_, at) => (at % every === 0 ? [at + 1] : []))
    yield* Effect.forEach(ends, (at) => liveThrough(inWorld, ending, at), { discard: true })
  })

  describe(name, () => {
    it.effect(
      "stopped before any step of a life, the next engine comes to the same end, with one run for each prompt",
      () => everywhere("stopped"),
      600_000,
    )
    it.effect(
      "killed before any step of a life, the next engine comes to the same end, with one run for each prompt",
      () => everywhere("killed"),
      600_000,
    )
  })
}
