/** A watcher that ends while it launches a sidecar again leaves that launch to the next watcher. */
import { it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { expect } from "vitest"
import { awaitExit } from "../../src/programs/awaitExit.ts"
import { launch } from "../../src/programs/launch.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { Sidecar } from "../../src/services/Sidecar.ts"
import { endless, inWorld } from "./world.ts"

it.effect("a sidecar whose second launch was interrupted is launched by the next watcher", () =>
  inWorld(endless, ({ sidecar }) =>
    Effect.gen(function* () {
      const slug = yield* launch("worker", { prompt: "x" })
      const noted = Effect.flatMap(BottleStore, ({ get }) => get(slug)).pipe(
        Effect.map((row) => Option.getOrThrow(row).trouble.sidecar),
      )
      yield* sidecar.kill(slug)
      const slow = yield* Effect.fork(
        Effect.provideService(awaitExit(slug), Sidecar, { ...sidecar.sidecar, launch: () => Effect.never }),
      )
      yield* TestClock.adjust("3 seconds")
      expect(yield* noted).toBe("relaunched")
      yield* Fiber.interrupt(slow)
      expect(yield* noted).toBeUndefined()
      yield* Effect.fork(awaitExit(slug))
      yield* TestClock.adjust("3 seconds")
      expect(yield* noted).toBe("relaunched")
      expect(sidecar.launches).toHaveLength(2)
      expect(yield* (yield* Sidecar).find(slug)).toMatchObject({ _tag: "Some" })
    }),
  ),
)
