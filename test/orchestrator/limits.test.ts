/** What makes runs wait: a model provider that refuses calls, and budgets of runs and running time. */
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Option, TestClock } from "effect"
import { IssueNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import { Slug } from "../../src/domain/Slug.ts"
import type { ModelUse } from "../../src/domain/usage/RunMeter.ts"
import { NO_TOKENS } from "../../src/domain/usage/Tokens.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { Usage } from "../../src/services/Usage.ts"
import {
  type AgentWorld,
  hint,
  issue,
  kept,
  makeWorld,
  prOf,
  says,
  targets,
  type WorldOptions,
} from "./world.ts"

const START = Date.parse("2027-01-01T00:00:00Z")
const eighteen = { ...issue, issueNumber: IssueNumber.make(18) }

/** A world that is served, with the issues 17 and 18. */
const served = Effect.fnUntraced(function* (options: WorldOptions = {}) {
  const world = yield* makeWorld({ more: [18], settle: 1_000, poll: "1 minute", ...options })
  let serving = yield* world.serve
  let hints = 0
  const look = (about = issue) =>
    Effect.suspend(() =>
      Effect.zipRight(serving.engine.hint(hint(`something-${(hints += 1)}`, about)), serving.engine.idle),
    )
  const stateOf = (about = issue) =>
    Effect.flatMap(IssueStates, (states) => states.get(about)).pipe(
      Effect.map(Option.getOrThrow),
      Effect.provide(world.context),
    )
  return {
    world,
    look,
    stateOf,
    targets: (number: number) =>
      Effect.zipRight(targets(world, number), look({ ...issue, issueNumber: IssueNumber.make(number) })),
    passes: (time: Duration.DurationInput) =>
      Effect.zipRight(
        TestClock.adjust(time),
        Effect.suspend(() => serving.engine.idle),
      ),
    restarts: Effect.gen(function* () {
      yield* serving.close
      serving = yield* world.serve
    }),
    /** Number of the run of an issue's bottle, and what it waits for. */
    seen: Effect.fnUntraced(function* (about = issue) {
      const { waits, state } = yield* stateOf(about)
      return [waits, state.reason, state.nextAt === null ? null : (state.nextAt - START) / 60_000]
    }),
    used: Effect.flatMap(Usage, ({ total }) => total({})).pipe(Effect.provide(world.context)),
  }
})

const refusal = (slug: string, run: number, until?: number) => ({
  version: 1 as const,
  kind: "model-refused" as const,
  slug: Slug.make(slug),
  run,
  route: "anthropic",
  reason: "usage-limit" as const,
  at: new Date(START).toISOString(),
  ...(until !== undefined && { until: new Date(until).toISOString() }),
})

const routes = {
  anthropic: { upstream: "https://api.anthropic.com", header: "x-api-key", secret: { env: "KEY" } },
}

/** Agents of which the provider refuses those of the first runs. */
const refused = (times: number, until?: number): NonNullable<WorldOptions["agent"]> => {
  let count = 0
  return (plan, usual, { sidecar }: AgentWorld) =>
    (count += 1) > times
      ? usual
      : Effect.zipRight(sidecar.push(refusal(plan.slug, plan.run, until)), Effect.succeed(1))
}

describe("a model provider that refuses calls", () => {
  it.scoped("has its run frozen until its reset and resumed then, and no other started before", () =>
    Effect.gen(function* () {
      const { world, passes, restarts, seen, targets } = yield* served({
        bottle: { routes },
        agent: refused(1, START + 60 * 60_000),
      })
      yield* targets(17)
      yield* passes("1 minute")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", waits: "provider" })
      yield* targets(18)
      expect(yield* seen(eighteen)).toEqual(["provider", "the model provider refuses calls", 60])
      yield* restarts
      yield* passes("58 minutes")
      expect((yield* kept(world)).runs).toEqual([1])
      yield* passes("4 minutes")
      expect((yield* kept(world)).runs.toSorted()).toEqual([1, 2])
      expect(world.prompts).toHaveLength(2)
    }),
  )

  it.scoped("without a time rests five minutes, and twice as long the next time", () =>
    Effect.gen(function* () {
      const { world, passes, seen, targets } = yield* served({ bottle: { routes }, agent: refused(2) })
      yield* targets(17)
      yield* passes("2 minutes")
      expect(yield* seen()).toMatchObject(["provider", expect.anything(), 5])
      yield* passes("4 minutes")
      expect((yield* kept(world)).runs).toEqual([2])
      expect(yield* seen()).toMatchObject(["provider", expect.anything(), 15])
      yield* passes("12 minutes")
      expect((yield* kept(world)).runs).toEqual([3])
    }),
  )

  it.scoped("each time costs one launch, and a run at each of its ever rarer resets", () =>
    Effect.gen(function* () {
      const { world, passes, stateOf, restarts, targets, used } = yield* served({
        bottle: { routes },
        agent: refused(Number.POSITIVE_INFINITY),
        poll: "5 minutes",
      })
      yield* targets(17)
      for (const _ of [1, 2, 3]) {
        yield* passes("8 hours")
        yield* restarts
      }
      const { state } = yield* stateOf()
      expect(state).toMatchObject({ generation: 1, phase: "frozen" })
      expect(world.prompts).toEqual([])
      const { runs } = yield* used
      expect(runs).toBeGreaterThan(5)
      expect(runs).toBeLessThan(14)
    }),
  )

  it.scoped("and then answers has not ended the run: the agent has", () =>
    Effect.gen(function* () {
      const { passes, stateOf, targets } = yield* served({
        bottle: { routes },
        agent: (plan, _usual, { sidecar }) =>
          Effect.gen(function* () {
            yield* sidecar.push(refusal(plan.slug, plan.run))
            const { reason: _reason, ...answered } = refusal(plan.slug, plan.run)
            yield* sidecar.push({ ...answered, kind: "model-answered" })
            return 1
          }),
      })
      yield* targets(17)
      yield* passes("2 minutes")
      expect((yield* stateOf()).state.frozen).toEqual({ cause: "incomplete", run: 1 })
    }),
  )

  it.scoped("holds back nothing that asks another model", () =>
    Effect.gen(function* () {
      const { world, passes, stateOf, targets } = yield* served({ agent: refused(1, START + 60 * 60_000) })
      yield* targets(17)
      yield* passes("1 minute")
      expect(yield* stateOf()).toMatchObject({ waits: "provider" })
      yield* targets(18)
      expect((yield* stateOf(eighteen)).waits).not.toBe("provider")
      expect((yield* kept(world)).runs).toEqual([1, 1])
    }),
  )
})

const used1000 = {
  route: "api",
  model: "m",
  calls: 1,
  ...NO_TOKENS,
  input: 900,
  output: 100,
  estimated: 0,
  cost: 5000,
  unpriced: 0,
}

const meterOf = (use: ModelUse) => ({ models: [use], hosts: [] })

/** Agents that use so much in each run. */
const spends =
  (use: ModelUse): NonNullable<WorldOptions["agent"]> =>
  (plan, usual, { sidecar }) =>
    Effect.zipRight(sidecar.count(plan.slug, meterOf(use), plan.run), usual)

describe("budgets", () => {
  it.scoped("of runs of an issue hold, over a restart of the service", () =>
    Effect.gen(function* () {
      const { world, passes, look, restarts, seen, targets } = yield* served({
        budgets: { issue: { runs: 2 } },
      })
      yield* targets(17)
      for (const word of ["beech", "oak"]) {
        yield* passes("1 minute")
        yield* says(world, "ada", prOf(world), `Use ${word}.`)
        yield* look()
        yield* passes("2 minutes")
        yield* restarts
      }
      expect(world.prompts).toHaveLength(2)
      expect(yield* seen()).toEqual(["limit", "this issue is at its limit: 2 of 2 runs", null])
    }),
  )

  it.scoped("of runs of a day hold until the next day of their time zone, runs under way included", () =>
    Effect.gen(function* () {
      const { world, passes, seen, targets } = yield* served({
        poll: "10 minutes",
        service: { budgets: { day: { runs: 1 } }, timeZone: "America/New_York" },
      })
      yield* targets(17)
      yield* targets(18)
      // Five hours behind: their day began yesterday, and ends in five hours.
      expect(yield* seen(eighteen)).toEqual(["limit", "the day is at its limit: 1 of 1 runs", 300])
      yield* passes("4 hours")
      expect(world.prompts).toHaveLength(1)
      yield* passes("70 minutes")
      expect(world.prompts).toHaveLength(2)
    }),
  )

  it.scoped("of a repository hold beside those of the service", () =>
    Effect.gen(function* () {
      const { passes, seen, targets } = yield* served({
        budgets: { day: { runs: 1 } },
        service: { budgets: { day: { runs: 5 } } },
      })
      yield* targets(17)
      yield* passes("1 minute")
      yield* targets(18)
      expect(yield* seen(eighteen)).toEqual([
        "limit",
        "the day of ada/cellar is at its limit: 1 of 1 runs",
        24 * 60,
      ])
    }),
  )

  it.scoped("of running time end a run that uses it up, also after a restart of the service", () =>
    Effect.gen(function* () {
      const { world, passes, look, restarts, seen, stateOf, targets, used } = yield* served({
        agent: () => Effect.never,
        budgets: { issue: { time: Duration.minutes(3) } },
      })
      yield* targets(17)
      yield* passes("2 minutes")
      yield* restarts
      yield* passes("50 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "running" })
      yield* passes("70 seconds")
      expect((yield* stateOf()).state.frozen).toEqual({ cause: "budget", run: 1 })
      expect((yield* used).seconds).toBeGreaterThanOrEqual(180)
      yield* says(world, "ada", 17, "Go on.")
      yield* look()
      yield* passes("2 minutes")
      expect(yield* seen()).toMatchObject([
        "limit",
        expect.stringMatching(/^this issue is at its limit: /),
        null,
      ])
    }),
  )

  it.scoped("count each run once, one that the machine stopped too", () =>
    Effect.gen(function* () {
      const { world, passes, targets, used } = yield* served({
        agent: (plan, usual) => (plan.run === 1 ? Effect.never : usual),
      })
      yield* targets(17)
      yield* passes("2 minutes")
      yield* world.fake.stopMachine
      yield* passes("2 minutes")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [2] })
      expect(yield* used).toMatchObject({ runs: 2, seconds: 130 })
    }),
  )

  it.scoped("of tokens and money count what runs used, and hold over a restart of the service", () =>
    Effect.gen(function* () {
      for (const [budget, reason] of [
        [{ issue: { tokens: 2000 } }, "this issue is at its limit: 2000 of 2000 tokens"],
        [{ day: { cost: 0.01 } }, "the day of ada/cellar is at its limit: 0.01 of 0.01 cost"],
      ] as const) {
        const { world, passes, look, restarts, seen, targets, used } = yield* served({
          budgets: budget,
          agent: spends(used1000),
        })
        yield* targets(17)
        for (const word of ["beech", "oak"]) {
          yield* passes("1 minute")
          yield* says(world, "ada", prOf(world), `Use ${word}.`)
          yield* look()
          yield* passes("2 minutes")
          yield* restarts
        }
        expect(yield* used).toMatchObject({ runs: 2, tokens: 2000, cost: 10_000, unpriced: 0 })
        expect(world.prompts).toHaveLength(2)
        expect((yield* seen()).slice(0, 2)).toEqual(["limit", reason])
      }
    }),
  )

  it.scoped("of tokens and money leave a run no more than is left, which its sidecar enforces", () =>
    Effect.gen(function* () {
      const { world, passes, look, targets } = yield* served({
        agent: spends(used1000),
        budgets: { issue: { tokens: 5000, cost: 1 } },
        bottle: { limits: { tokens: 4500, calls: 7 } },
      })
      yield* targets(17)
      yield* passes("1 minute")
      yield* says(world, "ada", prOf(world), "Use oak.")
      yield* look()
      yield* passes("2 minutes")
      expect(
        world.sidecar.launches.map(({ limits }) => [limits?.tokens, limits?.cost, limits?.calls]),
      ).toEqual([
        [4500, 1, 7],
        [4000, 0.995, 7],
      ])
    }),
  )

  it.scoped("of money let nothing more start when what a run used has no known price", () =>
    Effect.gen(function* () {
      const { passes, seen, targets } = yield* served({
        agent: spends({ ...used1000, cost: 0, unpriced: 1 }),
        budgets: { day: { cost: 20, tokens: 1_000_000 } },
      })
      yield* targets(17)
      yield* passes("1 minute")
      yield* targets(18)
      expect(yield* seen(eighteen)).toEqual([
        "limit",
        expect.stringMatching(/^there is a budget of money, and the price .* is not known: prices\.yaml/),
        null,
      ])
    }),
  )

  it.scoped("of money count a run in progress, and a price that is not known of one", () =>
    Effect.gen(function* () {
      for (const [use, reason] of [
        [{ ...used1000, cost: 20_000_000 }, /^the day is at its limit: 20 of 20 cost$/],
        [{ ...used1000, unpriced: 1 }, /the price .* is not known/],
      ] as const) {
        const { passes, seen, targets } = yield* served({
          agent: (plan, _usual, { sidecar }) =>
            Effect.zipRight(sidecar.count(plan.slug, meterOf(use), plan.run), Effect.never),
          service: { budgets: { day: { cost: 20 } } },
        })
        yield* targets(17)
        yield* passes("1 minute")
        yield* targets(18)
        expect((yield* seen(eighteen)).slice(0, 2)).toEqual(["limit", expect.stringMatching(reason)])
      }
    }),
  )

  it.scoped("what waited for room starts when the service is started with more", () =>
    Effect.gen(function* () {
      let running = 1
      const { world, passes, restarts, stateOf, targets } = yield* served({
        agent: () => Effect.never,
        service: {
          get running() {
            return running
          },
        },
      })
      yield* targets(17)
      yield* targets(18)
      expect((yield* stateOf(eighteen)).waits).toBe("limit")
      running = 2
      yield* restarts
      yield* passes("1 minute")
      expect((yield* kept(world)).runs).toEqual([1, 1])
    }),
  )
})
