import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { describe } from "vitest"
import { once } from "../../src/services/once.ts"

describe("an effect that runs once", () => {
  it.effect("gives all callers its result, whichever of them is interrupted", () =>
    Effect.gen(function* () {
      let runs = 0
      const answer = yield* Deferred.make<string>()
      const asked = yield* once(
        Effect.suspend(() => {
          runs += 1
          return Deferred.await(answer)
        }),
      )
      const first = yield* Effect.fork(asked)
      const second = yield* Effect.fork(asked)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(answer, "yes")
      expect(yield* Fiber.join(second)).toBe("yes")
      expect(yield* asked).toBe("yes")
      expect(runs).toBe(1)
    }),
  )

  it.effect("runs again after a failure, and not after a success", () =>
    Effect.gen(function* () {
      let runs = 0
      const asked = yield* once(
        Effect.suspend(() => {
          runs += 1
          return runs === 1 ? Effect.fail("not yet") : Effect.succeed(runs)
        }),
      )
      expect(yield* Effect.exit(asked)).toEqual(Exit.fail("not yet"))
      expect([yield* asked, yield* asked]).toEqual([2, 2])
    }),
  )
})
