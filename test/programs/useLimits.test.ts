/** A run that reaches a limit of its use ends, says which, and what it used is stored with its end. */
import { it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { describe, expect } from "vitest"
import { type BudgetDetail as Budget, RequestId } from "../../src/domain/AgentRequest.ts"
import { NO_TOKENS } from "../../src/domain/usage/Tokens.ts"
import { exitCodeOf } from "../../src/cli/failure.ts"
import { awaitExit } from "../../src/programs/awaitExit.ts"
import { freeze } from "../../src/programs/freeze.ts"
import { inspectBottle } from "../../src/programs/inspectBottle.ts"
import { launch } from "../../src/programs/launch.ts"
import { listBottles } from "../../src/programs/listBottles.ts"
import { resumeHeadless } from "../../src/programs/resumeHeadless.ts"
import { runUse } from "../../src/programs/runUse.ts"
import { startHeadless } from "../../src/programs/startHeadless.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { endless, inWorld } from "./world.ts"

const at = "2026-01-01T00:00:00.000Z"
const use = {
  models: [
    {
      route: "api",
      model: "m",
      calls: 3,
      ...NO_TOKENS,
      input: 900,
      output: 100,
      estimated: 0,
      cost: 5000,
      unpriced: 0,
    },
  ],
  hosts: [],
}
const limits = { tokens: 1000, cost: 2.5, calls: 9 }

describe("a run with limits of its use", () => {
  it.effect("has them at its sidecar and in its row, at the start and at a resume", () =>
    inWorld(
      {},
      ({ sidecar }) =>
        Effect.gen(function* () {
          const slug = yield* startHeadless("worker", { prompt: "x" })
          yield* resumeHeadless(slug, { prompt: "y" })
          expect(sidecar.launches.map((config) => config.limits)).toEqual([
            expect.objectContaining(limits),
            expect.objectContaining(limits),
          ])
          const row = Option.getOrThrow(yield* (yield* BottleStore).get(slug))
          expect(row.useLimits).toEqual(limits)
        }),
      { bottle: { limits } },
    ),
  )

  it.effect("ends with 124 and the limit's name, however its agent ends, and is left exited", () =>
    inWorld(
      endless,
      ({ sidecar }) =>
        Effect.gen(function* () {
          for (const limit of ["tokens", "cost", "calls"] as const) {
            const slug = yield* launch("worker", { prompt: "x" })
            const run = yield* Effect.fork(Effect.flip(awaitExit(slug)))
            yield* sidecar.count(slug, use)
            yield* sidecar.push({
              version: 1,
              kind: "limit-reached",
              slug,
              at,
              limit,
              value: limits[limit],
              run: 1,
            })
            // An agent that does not end by itself is stopped.
            yield* TestClock.adjust("25 seconds")
            expect(run.unsafePoll()).toBeNull()
            yield* TestClock.adjust("10 seconds")
            const error = yield* Fiber.join(run)
            expect(error).toMatchObject({ _tag: "LimitReached", limit, value: String(limits[limit]) })
            expect(exitCodeOf(error)).toBe(124)
            expect(error.message).toContain(`limit: ${limit}`)
            expect(error.message).toContain(`bot-bottle resume ${slug}`)
            const listed = (yield* listBottles()).find((bottle) => bottle.slug === slug)
            expect(listed).toMatchObject({ state: "exited", use: Option.some(use) })
          }
        }),
      { bottle: { limits } },
    ),
  )

  it.effect("names the limits with what a person added in this run, and only in this run", () =>
    inWorld(
      endless,
      ({ sidecar }) =>
        Effect.gen(function* () {
          const slug = yield* launch("worker", { prompt: "x" })
          const run = yield* Effect.fork(Effect.flip(awaitExit(slug)))
          const approve = (id: string, detail: Omit<typeof Budget.Type, "kind">, taken?: number) =>
            sidecar.request({
              version: 1,
              id: RequestId.make(id),
              slug,
              run: 1,
              detail: { kind: "budget", ...detail },
              reason: "",
              at,
              decision: { version: 1, id: RequestId.make(id), verdict: "approved", by: "ada", at },
              ...(taken !== undefined && {
                taken: { version: 1 as const, id: RequestId.make(id), run: taken, at },
              }),
              used: false,
            })
          const manifest = { timeout: "1 hour", idleTimeout: "30 minutes", ...limits }
          expect((yield* inspectBottle(slug)).limits).toEqual(manifest)
          yield* approve("aaaaaa", { tokens: 500, minutes: 15 }, 1)
          yield* approve("bbbbbb", { cost: 0.2, tokens: 5 }, 1)
          // No run has read the one, and another run has taken the other.
          yield* approve("cccccc", { tokens: 7000 })
          yield* approve("dddddd", { tokens: 7000 }, 2)
          expect((yield* inspectBottle(slug)).limits).toEqual({
            ...manifest,
            timeout: "75 minutes",
            tokens: 1505,
            cost: 2.7,
          })
          yield* sidecar.push({
            version: 1,
            kind: "limit-reached",
            slug,
            at,
            limit: "tokens",
            value: 1505,
            run: 1,
          })
          yield* TestClock.adjust("35 seconds")
          const error = yield* Fiber.join(run)
          expect(error).toMatchObject({ _tag: "LimitReached", limit: "tokens", value: "1505" })
          expect(error.message).toContain("limit: tokens (1505)")
          yield* resumeHeadless(slug, { prompt: "y" }).pipe(Effect.fork)
          yield* TestClock.adjust("1 second")
          expect((yield* inspectBottle(slug)).limits).toEqual({ ...manifest, tokens: 8000 })
        }),
      { bottle: { limits: { ...limits, timeout: "1 hour", idleTimeout: "30 minutes" } } },
    ),
  )

  it.effect("ends for its time after the minutes that a person added, and names both together", () =>
    inWorld(
      endless,
      ({ sidecar }) =>
        Effect.gen(function* () {
          const slug = yield* launch("worker", { prompt: "x" })
          const run = yield* Effect.fork(Effect.flip(awaitExit(slug)))
          const id = RequestId.make("aaaaaa")
          yield* sidecar.request({
            version: 1,
            id,
            slug,
            run: 1,
            detail: { kind: "budget", minutes: 1 },
            reason: "",
            at,
            decision: { version: 1, id, verdict: "approved", by: "ada", at },
            taken: { version: 1, id, run: 1, at },
            used: false,
          })
          yield* TestClock.adjust("119 seconds")
          expect(run.unsafePoll()).toBeNull()
          yield* TestClock.adjust("2 seconds")
          expect(yield* Fiber.join(run)).toMatchObject({ limit: "timeout", value: "2 minutes" })
        }),
      { bottle: { limits: { timeout: "60 seconds" } } },
    ),
  )

  it.effect("is not ended by the report of an earlier run", () =>
    inWorld(
      {},
      ({ sidecar }) =>
        Effect.gen(function* () {
          const slug = yield* startHeadless("worker", { prompt: "x" })
          yield* sidecar.push({
            version: 1,
            kind: "limit-reached",
            slug,
            at,
            limit: "tokens",
            value: 1,
            run: 1,
          })
          // Frozen and resumed before anybody settled the event.
          yield* freeze(slug)
          yield* resumeHeadless(slug, { prompt: "y" })
          const row = Option.getOrThrow(yield* (yield* BottleStore).get(slug))
          expect([row.run, row.trouble]).toEqual([2, {}])
        }),
      { bottle: { limits } },
    ),
  )
})

describe("what a run used", () => {
  it.effect("is shown while it runs, stored with its end, and gone from the row of the next run", () =>
    inWorld(endless, ({ sidecar, fake }) =>
      Effect.gen(function* () {
        const slug = yield* launch("worker", { prompt: "x" })
        const run = yield* Effect.fork(Effect.either(awaitExit(slug)))
        yield* sidecar.count(slug, use)
        expect((yield* inspectBottle(slug)).use).toEqual(Option.some(use))
        expect(yield* runUse(slug)).toEqual({ run: 1, use: Option.some(use) })
        const store = yield* BottleStore
        expect(Option.getOrThrow(yield* store.get(slug)).use).toEqual(Option.none())
        yield* fake.backend.stop(slug)
        yield* TestClock.adjust("5 seconds")
        yield* Fiber.join(run)
        const ended = Option.getOrThrow(yield* store.get(slug))
        expect([ended.use, Option.isSome(ended.exit)]).toEqual([Option.some(use), true])
      }),
    ),
  )
})
