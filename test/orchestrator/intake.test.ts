/** Looks give way to hints: one at a time while hints arrive, many at a time otherwise. */
import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { makeIntake } from "../../src/orchestrator/engine/intake.ts"

/** The most looks of ten that ran at once. */
const mostAtOnce = (looking: (look: Effect.Effect<void>) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    let now = 0
    let most = 0
    const look = Effect.gen(function* () {
      most = Math.max(most, (now += 1))
      yield* Effect.yieldNow()
      now -= 1
    })
    yield* Effect.all(
      Array.from({ length: 10 }, () => looking(look)),
      { concurrency: "unbounded" },
    )
    return most
  })

it.effect("looks run one after the other while a hint is accepted, and for a moment after the last", () =>
  Effect.gen(function* () {
    let clock = 0
    const intake = yield* makeIntake(() => clock)
    expect(yield* mostAtOnce(intake.looking)).toBe(10)
    const stored = yield* Deferred.make<void>()
    const accepting = yield* Effect.fork(intake.accepting(Deferred.await(stored)))
    yield* Effect.yieldNow()
    clock = 1000
    expect(yield* mostAtOnce(intake.looking)).toBe(1)
    yield* Deferred.succeed(stored, undefined)
    yield* Fiber.join(accepting)
    clock = 1099
    expect(yield* mostAtOnce(intake.looking)).toBe(1)
    clock = 1100
    expect(yield* mostAtOnce(intake.looking)).toBe(10)
  }),
)
