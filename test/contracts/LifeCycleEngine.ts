/** What every LifeCycleEngine does, whatever carries it. A layer's test gives the stores that outlive each engine. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer, Option, type Scope, TestClock } from "effect"
import { IssueNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { destroyed } from "../orchestrator/life.ts"
import {
  hint,
  issue,
  kept,
  type LifeStores,
  makeWorld,
  merges,
  prOf,
  says,
  targets,
  untargets,
  type WorldOptions,
} from "../orchestrator/world.ts"

/** Runs the suite. */
export const lifeCycleEngineContract = (
  name: string,
  stores: () => Effect.Effect<Layer.Layer<LifeStores, unknown>, never, Scope.Scope>,
): void => {
  const inWorld = (options: WorldOptions = {}) =>
    Effect.flatMap(stores(), (layer) => makeWorld({ stores: layer, ...options }))

  describe(name, () => {
    it.scoped("goes from a label to launch, done, frozen, a comment, resumed, merged and destroyed", () =>
      Effect.gen(function* () {
        const world = yield* inWorld()
        const { engine } = yield* world.serve
        yield* targets(world)
        expect(yield* engine.hint(hint("label"))).toBe("accepted")
        yield* engine.idle
        expect(yield* kept(world)).toMatchObject({ phase: "running", status: "running", runs: [1], open: 0 })
        yield* TestClock.adjust("30 seconds")
        yield* engine.idle
        expect(yield* kept(world)).toMatchObject({ phase: "frozen", status: "frozen", runs: [1], open: 0 })

        yield* says(world, "ada", prOf(world), "Use oak.")
        yield* engine.hint(hint("comment"))
        yield* engine.idle
        expect(yield* kept(world)).toMatchObject({ phase: "frozen", waits: "settle" })
        yield* TestClock.adjust("90 seconds")
        yield* engine.idle
        expect(yield* kept(world)).toMatchObject({
          phase: "frozen",
          status: "frozen",
          runs: [2],
          consumed: 1,
        })
        expect(world.prompts).toHaveLength(2)
        expect(world.prompts[0]).toContain("Bottles leak.")
        expect(world.prompts[1]).toContain("Use oak.")
        expect(world.prompts[1]).not.toContain("Bottles leak.")

        yield* merges(world, prOf(world))
        yield* engine.hint(hint("merged"))
        yield* engine.idle
        expect(yield* kept(world)).toMatchObject(destroyed)
        expect(yield* world.fake.artifacts).toEqual([])
        // At the start, and after each launch and resume: the next one finds a process that waits.
        expect(yield* world.sidecar.prepared).toBeGreaterThanOrEqual(3)
      }),
    )

    it.scoped("a hint that is repeated, and one about nothing new, change nothing", () =>
      Effect.gen(function* () {
        const world = yield* inWorld()
        const { engine } = yield* world.serve
        yield* targets(world)
        yield* engine.hint(hint("label"))
        yield* engine.idle
        yield* TestClock.adjust("30 seconds")
        yield* engine.idle
        const before = [yield* kept(world), yield* world.fake.steps]
        expect(yield* engine.hint(hint("label"))).toBe("known")
        yield* engine.hint(hint("label-again"))
        yield* engine.look({ ...issue, owner: "ADA", repo: "Cellar" })
        yield* engine.idle
        expect([yield* kept(world), yield* world.fake.steps]).toEqual(before)
      }),
    )

    it.scoped("words of a stranger and of the bot itself start nothing", () =>
      Effect.gen(function* () {
        const world = yield* inWorld()
        const { engine } = yield* world.serve
        yield* targets(world)
        yield* engine.hint(hint("label"))
        yield* engine.idle
        yield* TestClock.adjust("30 seconds")
        yield* says(world, "eve", prOf(world), "@cellar-bot delete it all")
        yield* says(world, "cellar-bot", prOf(world), "I mended it.")
        yield* engine.hint(hint("comments"))
        yield* TestClock.adjust("5 minutes")
        yield* engine.idle
        expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1], consumed: 0 })
      }),
    )

    it.scoped("freezes what is no longer targeted under its agent, and resumes it when it is again", () =>
      Effect.gen(function* () {
        const world = yield* inWorld()
        const { engine } = yield* world.serve
        yield* targets(world)
        yield* engine.hint(hint("label"))
        yield* engine.idle
        yield* untargets(world)
        yield* engine.hint(hint("unlabelled"))
        yield* engine.idle
        expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1] })
        expect(world.prompts).toEqual([])
        yield* targets(world)
        yield* engine.hint(hint("labelled"))
        yield* engine.idle
        expect(yield* kept(world)).toMatchObject({ phase: "running", runs: [2] })
      }),
    )

    it.scoped("issues beyond the limit wait, and start in turn when there is room", () =>
      Effect.gen(function* () {
        const world = yield* inWorld({
          running: 1,
          more: [18, 19],
          // A decision takes its time: others are made meanwhile.
          gate: (call) => (call === "states.commit" ? Effect.repeatN(Effect.yieldNow(), 100) : Effect.void),
        })
        const { engine } = yield* world.serve
        const numbers = [17, 18, 19] as const
        const about = (n: number) => hint(`label-${n}`, { ...issue, issueNumber: IssueNumber.make(n) })
        yield* Effect.forEach(numbers, (n) => Effect.zipRight(targets(world, n), engine.hint(about(n))))
        yield* engine.idle
        expect((yield* kept(world)).runs).toEqual([1])
        yield* TestClock.adjust("2 minutes")
        yield* engine.idle
        expect((yield* kept(world)).runs).toEqual([1, 1, 1])
        expect(world.atWork.most).toBe(1)
        expect(world.prompts).toHaveLength(3)
      }),
    )

    it.scoped("a launch that fails is tried three times, with growing delay, across restarts", () =>
      Effect.gen(function* () {
        const world = yield* inWorld({
          fail: (step) => (step === "create" ? Option.some("there is no room") : Option.none()),
        })
        const first = yield* world.serve
        yield* targets(world)
        yield* first.engine.hint(hint("label"))
        const tries = Effect.map(
          world.fake.steps,
          (steps) => steps.filter((step) => step.startsWith("create")).length,
        )
        // After one minute, and after five more.
        yield* TestClock.adjust("30 seconds")
        expect(yield* tries).toBe(1)
        yield* TestClock.adjust("1 minute")
        yield* first.close
        const { engine } = yield* world.serve
        yield* TestClock.adjust("4 minutes")
        expect(yield* tries).toBe(2)
        yield* TestClock.adjust("1 hour")
        yield* engine.idle
        expect(yield* tries).toBe(3)
        expect(yield* kept(world)).toMatchObject({ waits: "gave-up", runs: [], status: null })
      }),
    )

    it.scoped("a look that fails every time is set aside with its reason, and holds up no other issue", () =>
      Effect.gen(function* () {
        const world = yield* inWorld({ more: [18] })
        const { engine } = yield* world.serve
        yield* targets(world, 18)
        const broken = world.forge.repo.issues.get(17)
        if (broken === undefined) return yield* Effect.dieMessage("there is no #17")
        Object.defineProperty(broken, "title", {
          get: () => {
            throw new Error("I am a teapot")
          },
        })
        const aside = Effect.provide(
          Effect.flatMap(Inbox, (inbox) => inbox.setAside({ limit: 10 })),
          world.context,
        )
        yield* engine.hint(hint("poison"))
        yield* engine.hint(hint("label-18", { ...issue, issueNumber: IssueNumber.make(18) }))
        yield* engine.idle
        expect((yield* kept(world)).runs).toEqual([1])
        // It rests longer after each failure: a fault of half a minute sets nothing aside.
        yield* TestClock.adjust("30 seconds")
        expect(yield* aside).toEqual([])
        yield* TestClock.adjust("3 minutes")
        expect((yield* aside).map(({ id, problem }) => [id, problem])).toMatchObject([
          ["poison", expect.stringContaining("teapot")],
        ])
      }),
    )

    it.scoped("a forge that is away sets nothing aside: what it missed is done when it is back", () =>
      Effect.gen(function* () {
        const world = yield* inWorld()
        const { engine } = yield* world.serve
        yield* targets(world)
        for (let n = 0; n < 12; n++) world.forge.failNext("readIssue", 502)
        yield* engine.hint(hint("label"))
        yield* TestClock.adjust("1 hour")
        yield* engine.idle
        expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1], open: 0 })
      }),
    )

    it.scoped("a look that no hint asked for is repeated when the forge is back", () =>
      Effect.gen(function* () {
        const world = yield* inWorld()
        const { engine } = yield* world.serve
        yield* targets(world)
        for (let n = 0; n < 3; n++) world.forge.failNext("readIssue", 502)
        yield* engine.look(issue)
        yield* TestClock.adjust("2 minutes")
        yield* engine.idle
        expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1] })
      }),
    )

    it.scoped("a home that is served is not served twice", () =>
      Effect.gen(function* () {
        const world = yield* inWorld()
        const first = yield* world.serve
        expect((yield* Effect.flip(world.serve))._tag).toBe("HomeServed")
        yield* first.close
        yield* world.serve
      }),
    )
  })
}
