/** Rules of life as the engine keeps them: what ends a run and a bottle, over weeks of virtual time and restarts of the service. */
import { describe, expect, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Option, TestClock } from "effect"
import * as actions from "../../src/simulator/actions.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { Operations } from "../../src/services/Operations.ts"
import { numbered } from "../contracts/Forge.ts"
import { hint, issue, kept, makeWorld, prOf, says, targets, type WorldOptions } from "./world.ts"

/** A world that is served and whose issue is targeted, with its agent at work. */
const working = Effect.fnUntraced(function* (options: WorldOptions = {}) {
  const world = yield* makeWorld(options)
  let serving = yield* world.serve
  let hints = 0
  const passes = (time: Duration.DurationInput) =>
    Effect.zipRight(
      TestClock.adjust(time),
      Effect.suspend(() => serving.engine.idle),
    )
  const happened = Effect.suspend(() =>
    Effect.zipRight(serving.engine.hint(hint(`something-${(hints += 1)}`)), serving.engine.idle),
  )
  yield* targets(world)
  yield* happened
  expect(yield* kept(world)).toMatchObject({ phase: "running", runs: [1] })
  const inWorld = <A, E>(effect: Effect.Effect<A, E, BottleStore | IssueStates | Operations>) =>
    Effect.provide(effect, world.context)
  const bottle = inWorld(
    Effect.flatMap(BottleStore, ({ all }) => Effect.map(all, ([row]) => Option.fromNullable(row))),
  )
  return {
    world,
    passes,
    happened,
    slug: Option.getOrThrow(yield* bottle).slug,
    state: inWorld(Effect.flatMap(IssueStates, (states) => Effect.map(states.get(issue), Option.getOrThrow))),
    /** The newest operation, with its cause. */
    newest: inWorld(
      Effect.flatMap(Operations, ({ newest }) =>
        Effect.map(newest(issue), (found) => {
          const { input } = Option.getOrThrow(found)
          return "cause" in input ? `${input._tag} ${input.cause}` : input._tag
        }),
      ),
    ),
    restarts: Effect.gen(function* () {
      yield* serving.close
      serving = yield* world.serve
    }),
    /** No service runs for that time. */
    isAway: (time: Duration.DurationInput) =>
      Effect.gen(function* () {
        yield* serving.close
        yield* TestClock.adjust(time)
        serving = yield* world.serve
      }),
  }
})

/** An agent that works until something ends it. */
const hung: NonNullable<WorldOptions["agent"]> = () => Effect.never

/** It hangs in its first run, and does its work in others. */
const hungAtFirst: NonNullable<WorldOptions["agent"]> = (plan, usual) =>
  plan.run === 1 ? Effect.never : usual

/** An agent that hangs under a watchdog of four minutes: what is watched each second takes its time in tests, too. */
const watched: WorldOptions = { agent: hung, life: { watchdog: 4 * 60_000 } }

describe("the watchdog", () => {
  it.scoped("freezes an agent that gives no sign of life for its time, and tells why", () =>
    Effect.gen(function* () {
      const { world, passes, state } = yield* working(watched)
      yield* passes("230 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "running" })
      yield* passes("20 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", status: "frozen", runs: [1] })
      expect((yield* state).state.frozen).toEqual({ cause: "watchdog", run: 1 })
      yield* passes("1 hour")
      expect((yield* kept(world)).runs).toEqual([1])
    }),
  )

  it.scoped("leaves an agent alone that calls its neck, also over a restart of the service", () =>
    Effect.gen(function* () {
      const { world, passes, slug, restarts } = yield* working(watched)
      for (let round = 0; round < 3; round++) {
        yield* passes("3 minutes")
        yield* world.sidecar.checkIn(slug)
        if (round === 1) yield* restarts
      }
      expect(yield* kept(world)).toMatchObject({ phase: "running", runs: [1] })
      yield* passes("5 minutes")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen" })
    }),
  )

  it.scoped("waits one more period after the service was suspended for longer", () =>
    Effect.gen(function* () {
      const awake = yield* Deferred.make<void>()
      let isSuspended = false
      const { world, passes } = yield* working({
        ...watched,
        gate: (call) => (isSuspended && call === "inbox.waiting" ? Deferred.await(awake) : Effect.void),
      })
      isSuspended = true
      yield* TestClock.adjust("10 minutes")
      isSuspended = false
      yield* Deferred.succeed(awake, undefined)
      yield* passes("230 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "running" })
      yield* passes("20 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen" })
    }),
  )
})

describe("the end of a run", () => {
  it.scoped("an agent that runs on after signal_done is stopped after a minute, and frozen as done", () =>
    Effect.gen(function* () {
      const { world, passes, state } = yield* working({
        agent: (_, usual) => Effect.zipRight(usual, Effect.never),
      })
      yield* passes("50 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "running" })
      yield* passes("20 seconds")
      expect((yield* state).state.frozen).toEqual({ cause: "done", run: 1 })
      expect(yield* kept(world)).toMatchObject({ phase: "frozen" })
    }),
  )

  it.scoped("an agent that ends without signal_done is frozen as incomplete, and not started again", () =>
    Effect.gen(function* () {
      const { world, passes, state } = yield* working({
        agent: () => Effect.delay(Effect.succeed(3), "20 seconds"),
      })
      yield* passes("10 minutes")
      expect((yield* state).state.frozen).toEqual({ cause: "incomplete", run: 1 })
      expect((yield* kept(world)).runs).toEqual([1])
    }),
  )

  it.scoped("an agent that signals and ends while it is looked at is frozen as done", () =>
    Effect.gen(function* () {
      const go = yield* Deferred.make<void>()
      let isAsked = false
      const { happened, state } = yield* working({
        agent: ({ slug }, _, { sidecar }) =>
          Effect.gen(function* () {
            yield* Deferred.await(go)
            const at = new Date(yield* Clock.currentTimeMillis).toISOString()
            const done = { version: 1, kind: "done", status: "success", summary: "mended", at } as const
            yield* sidecar.push({ ...done, slug: Slug.make(slug) })
            return 0
          }),
        // The agent comes to its end between what the look read before and the state that it reads now.
        gate: (call) => {
          if (!isAsked || call !== "backend.inspect") return Effect.void
          return Effect.zipRight(Deferred.succeed(go, undefined), Effect.repeatN(Effect.yieldNow(), 100))
        },
      })
      isAsked = true
      yield* happened
      expect((yield* state).state.frozen).toEqual({ cause: "done", run: 1 })
    }),
  )

  it.scoped("an agent that signals and ends while no service runs is frozen as done by the next", () =>
    Effect.gen(function* () {
      const { passes, isAway, state } = yield* working({
        agent: (_plan, usual) => Effect.zipRight(Effect.sleep("1 minute"), usual),
      })
      yield* isAway("5 minutes")
      yield* passes("10 seconds")
      expect((yield* state).state.frozen).toEqual({ cause: "done", run: 1 })
    }),
  )

  it.scoped("what the machine stopped goes on once, with a prompt that says so, and not a second time", () =>
    Effect.gen(function* () {
      const { world, passes, newest, state } = yield* working({ agent: hung })
      yield* passes("1 minutes")
      yield* world.fake.stopMachine
      yield* passes("1 minutes")
      expect(yield* newest).toBe("Resume machine")
      expect(yield* kept(world)).toMatchObject({ phase: "running", runs: [2] })
      const plans = yield* world.fake.plans
      expect(plans[1]).toMatchObject({ rehydrate: true, run: 2 })
      yield* world.fake.stopMachine
      yield* passes("1 minutes")
      expect(yield* newest).toBe("Freeze incomplete")
      expect((yield* state).state.frozen).toEqual({ cause: "incomplete", run: 2 })
    }),
  )

  it.scoped("what the machine stopped while the service was away goes on when it is back", () =>
    Effect.gen(function* () {
      const { world, passes, restarts } = yield* working({ agent: hungAtFirst })
      yield* passes("1 minutes")
      yield* Effect.forkScoped(world.fake.stopMachine)
      yield* restarts
      yield* passes("1 minutes")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [2] })
      expect(world.prompts).toHaveLength(1)
    }),
  )

  it.scoped("what the machine stopped goes on, wherever the engine was not to be reached for a moment", () =>
    Effect.gen(function* () {
      for (const first of [1, 2, 3, 4, 5, 6, 7, 8]) {
        let calls = Number.NEGATIVE_INFINITY
        const { world, passes, restarts } = yield* working({
          agent: hungAtFirst,
          fail: (step) => {
            if (step === "inspect") calls += 1
            return calls >= first && calls < first + 4 ? Option.some("it is away") : Option.none()
          },
        })
        calls = 0
        yield* restarts
        yield* world.fake.stopMachine
        yield* passes("3 minutes")
        expect(yield* kept(world), `from call ${first} on`).toMatchObject({ phase: "frozen", runs: [2] })
      }
    }),
  )

  it.scoped("the limits of its manifest hold from its start, over restarts of the service", () =>
    Effect.gen(function* () {
      const { world, passes, restarts, state } = yield* working({
        agent: hung,
        bottle: { limits: { timeout: "3 minutes" } },
      })
      yield* passes("2 minutes")
      yield* restarts
      yield* passes("50 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "running" })
      yield* passes("20 seconds")
      expect((yield* state).state.frozen).toEqual({ cause: "incomplete", run: 1 })
      expect((yield* kept(world)).phase).toBe("frozen")
    }),
  )

  it.scoped("what reached a limit is not taken for stopped by a machine that stops later", () =>
    Effect.gen(function* () {
      let isFull = true
      const { world, passes, restarts, state } = yield* working({
        agent: hung,
        bottle: { limits: { timeout: "3 minutes" } },
        fail: (step) => (step === "freeze" && isFull ? Option.some("there is no room") : Option.none()),
      })
      yield* passes("4 minutes")
      yield* world.fake.stopMachine
      isFull = false
      yield* restarts
      yield* passes("10 minutes")
      expect((yield* kept(world)).runs).toEqual([1])
      expect((yield* state).state.frozen).toEqual({ cause: "incomplete", run: 1 })
    }),
  )
})

describe("a sidecar that dies", () => {
  it.scoped("is launched again once, and its agent goes on", () =>
    Effect.gen(function* () {
      const { world, passes, slug } = yield* working({ agent: hung })
      yield* world.sidecar.kill(slug)
      yield* passes("1 minutes")
      expect(world.sidecar.launches).toHaveLength(2)
      expect(yield* kept(world)).toMatchObject({ phase: "running", runs: [1] })
    }),
  )

  it.scoped("a second time, also after a restart of the service, its bottle is frozen with that reason", () =>
    Effect.gen(function* () {
      const { world, passes, slug, state, restarts } = yield* working({ agent: hung })
      yield* world.sidecar.kill(slug)
      yield* passes("1 minutes")
      yield* restarts
      yield* passes("1 minutes")
      yield* world.sidecar.kill(slug)
      yield* passes("1 minutes")
      expect(world.sidecar.launches).toHaveLength(2)
      expect((yield* state).state.frozen).toEqual({ cause: "sidecar", run: 1 })
    }),
  )
})

describe("an issue that is no longer a target", () => {
  it.scoped("freezes the agent at work when it is closed, and goes on when it is reopened", () =>
    Effect.gen(function* () {
      const { world, passes, happened, newest } = yield* working({ agent: hung })
      const { state, repo } = world.forge
      const ada = state.ensureUser("ada").id
      actions.setState(state, numbered(repo, 17), "closed", ada)
      yield* happened
      expect(yield* newest).toBe("Freeze untargeted")
      yield* passes("10 minutes")
      expect((yield* kept(world)).runs).toEqual([1])
      actions.setState(state, numbered(repo, 17), "open", ada)
      yield* happened
      expect(yield* newest).toBe("Resume targeted")
      expect(yield* kept(world)).toMatchObject({ phase: "running", runs: [2] })
    }),
  )
})

describe("a frozen bottle", () => {
  const signsOnly: NonNullable<WorldOptions["agent"]> = (plan, _usual, { sidecar }) =>
    Effect.gen(function* () {
      yield* Effect.sleep("10 seconds")
      const now = yield* Clock.currentTimeMillis
      yield* sidecar.push({
        version: 1,
        kind: "done",
        slug: Slug.make(plan.slug),
        status: "blocked",
        summary: "which door?",
        at: new Date(now).toISOString(),
      })
      return 0
    })

  it.scoped("without an open pull request expires after its time, and one with it does not", () =>
    Effect.gen(function* () {
      const { world, passes } = yield* working({ agent: signsOnly, poll: "1 hour" })
      yield* passes("2 hours")
      yield* passes("29 days")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen" })
      yield* passes("1 days")
      expect(yield* kept(world)).toMatchObject({ status: "destroyed", runs: [] })

      const other = yield* working({ poll: "1 hour" })
      yield* other.passes("60 days")
      expect(yield* kept(other.world)).toMatchObject({ phase: "frozen", runs: [1] })
    }),
  )
})

describe("settle", () => {
  it.scoped.each([
    ["ahead of", 1],
    ["behind", -1],
  ] as const)("is measured by the forge's clock: one hour %s this machine's", ([, sign]) =>
    Effect.gen(function* () {
      const { world, passes, happened } = yield* working({
        forgeAhead: sign * 3_600_000,
        settle: 60_000,
        poll: "1 second",
      })
      yield* passes("1 minutes")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1] })
      yield* says(world, "ada", prOf(world), "Oil the hinge too.")
      yield* happened
      yield* passes("50 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1] })
      yield* passes("20 seconds")
      expect((yield* kept(world)).runs).toEqual([2])
    }),
  )
})
