/** What every Usage does, whatever keeps its rows. */
import { describe, expect, it } from "@effect/vitest"
import { Arbitrary, Effect, FastCheck, type Layer } from "effect"
import { RunNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import { Day, RunUsage, type UsageOf } from "../../src/domain/orchestrator/Usage.ts"
import { Usage } from "../../src/services/Usage.ts"
import { issue } from "../support/life.ts"

const run = (fields: Partial<ConstructorParameters<typeof RunUsage>[0]> = {}) =>
  new RunUsage({
    ...issue(),
    generation: 1,
    run: RunNumber.make(1),
    day: Day.make("2026-11-20"),
    seconds: 60,
    tokens: 1000,
    cost: 100_000,
    ...fields,
  })
const nothing = { runs: 0, seconds: 0, tokens: 0, cost: 0, unpriced: 0 }

/** Few keys, so that runs and questions meet. */
const anyKey = FastCheck.record({
  day: FastCheck.constantFrom("2026-11-20", "2026-11-21").map((day) => Day.make(day)),
  forge: FastCheck.constantFrom("http://a/api/v1", "http://b/api/v1"),
  owner: FastCheck.constantFrom("acme", "ACME", "other"),
  repo: FastCheck.constantFrom("cellar", "deck"),
  issueNumber: FastCheck.constantFrom(1, 2).map((n) => issue(n).issueNumber),
})
const anyUse = Arbitrary.make(RunUsage).map(({ seconds, tokens, cost }) => ({
  seconds: seconds % 1e9,
  tokens: tokens % 1e9,
  cost: cost === null ? null : cost % 1e9,
}))
const anyRun = FastCheck.tuple(anyKey, anyUse, FastCheck.integer({ min: 1, max: 3 })).map(([key, use, n]) =>
  run({ ...key, ...use, run: RunNumber.make(n) }),
)
const anyQuestion = FastCheck.tuple(
  anyKey,
  FastCheck.subarray(["day", "forge", "owner", "repo", "issueNumber"] as const),
).map(([key, names]): UsageOf => Object.fromEntries(names.map((name) => [name, key[name]])))

/** Runs the suite over a layer that is empty each time it is built. */
export const usageContract = (name: string, fresh: Layer.Layer<Usage, unknown>) => {
  describe(`Usage over ${name}`, () => {
    it.effect("sums nothing to nothing", () =>
      Effect.gen(function* () {
        const usage = yield* Usage
        expect(yield* usage.total({})).toEqual(nothing)
        expect(yield* usage.total({ day: Day.make("2026-11-20"), ...issue() })).toEqual(nothing)
      }).pipe(Effect.provide(fresh)),
    )

    it.effect("counts a run once, however often it is recorded, and tells generations apart", () =>
      Effect.gen(function* () {
        const usage = yield* Usage
        yield* usage.record(run())
        yield* usage.record(run({ seconds: 999, day: Day.make("2026-11-21"), owner: "ACME" }))
        expect(yield* usage.total({})).toEqual({
          ...nothing,
          runs: 1,
          seconds: 60,
          tokens: 1000,
          cost: 100_000,
        })
        yield* usage.record(run({ generation: 2, cost: null }))
        expect(yield* usage.total({})).toEqual({
          runs: 2,
          seconds: 120,
          tokens: 2000,
          cost: 100_000,
          unpriced: 1,
        })
      }).pipe(Effect.provide(fresh)),
    )

    it.effect("lists sums that are equal by name, whatever its spelling", () =>
      Effect.gen(function* () {
        const usage = yield* Usage
        yield* usage.record(run({ ...issue(1), owner: "acme" }))
        yield* usage.record(run({ ...issue(2), owner: "ACME" }))
        const day = Day.make("2026-11-20")
        const sums = yield* usage.sums({ by: "issue", from: day, to: day, limit: 4 })
        expect(sums.map(({ owner, issueNumber }) => [owner, issueNumber])).toEqual([
          ["acme", 1],
          ["ACME", 2],
        ])
      }).pipe(Effect.provide(fresh)),
    )

    it.effect.prop(
      "sums the runs that have all that is asked for",
      [
        FastCheck.array(anyRun, { maxLength: 15 }),
        FastCheck.array(anyQuestion, { minLength: 3, maxLength: 6 }),
      ],
      ([runs, questions]) =>
        Effect.gen(function* () {
          const usage = yield* Usage
          yield* Effect.forEach(runs, usage.record)
          const keyOf = (row: RunUsage) =>
            `${row.forge} ${row.owner} ${row.repo} ${row.issueNumber} ${row.run}`.toLowerCase()
          const model = runs.filter((row, at) => runs.findIndex((each) => keyOf(each) === keyOf(row)) === at)
          for (const of of questions) {
            const asked = model.filter((row) =>
              Object.entries(of).every(
                ([name, value]) =>
                  String(value).toLowerCase() === String(row[name as keyof UsageOf]).toLowerCase(),
              ),
            )
            const sum = (value: (row: RunUsage) => number) => asked.reduce((all, row) => all + value(row), 0)
            expect(yield* usage.total(of)).toEqual({
              runs: asked.length,
              seconds: sum((row) => row.seconds),
              tokens: sum((row) => row.tokens),
              cost: sum((row) => row.cost ?? 0),
              unpriced: sum((row) => (row.cost === null ? 1 : 0)),
            })
          }
        }).pipe(Effect.provide(fresh)),
      { fastCheck: { numRuns: 40 } },
    )
  })
}
