/** Those who cost money on purpose or by mistake, over a simulated Gitea: comment storms, bots, checks that always fail, many runs that end at once. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { vi } from "vitest"
import type * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import { at, makeSimulated } from "./simulated.ts"

vi.setConfig({ testTimeout: 120_000 })

const prOf = ({ state }: GiteaSimulator.GiteaSimulator): number =>
  [...(state.repo("ada", "cellar")?.issues.values() ?? [])].find(({ pull }) => pull !== undefined)?.number ??
  0

const rests = (row: { readonly state: { readonly phase: string }; readonly waits: string | null }) =>
  row.state.phase === "frozen" && row.waits === "person"

it.scopedLive("a storm of 1,000 comments by a trusted person costs one run, by strangers and bots none", () =>
  Effect.gen(function* () {
    const world = yield* makeSimulated({ more: { settle: "3 seconds" } })
    const { engine } = yield* world.serve
    yield* world.target(17)
    yield* world.until(17, rests)
    const pr = world.prOf(17)
    // Another bot account answers whatever it sees, and so does our own: no run comes of it.
    for (const who of ["eve", "bot", "helper"])
      yield* Effect.forEach(
        Array.from({ length: who === "eve" ? 100 : 10 }),
        (_, n) => world.sim.as(who).comment(at(pr), `Do ${n}.`),
        { discard: true },
      )
    yield* world.sim.webhooks.idle
    yield* engine.idle
    // Well past `settle`: what would come of it would have come by now.
    yield* Effect.sleep("4 seconds")
    yield* engine.idle
    expect(world.prompts).toHaveLength(1)
    // One webhook of ten arrives: each has the issue read again with all that was said.
    let told = 0
    world.sim.webhooks.treat(() => ({ lost: (told += 1) % 10 !== 0 }))
    yield* Effect.forEach(
      Array.from({ length: 1_000 }),
      (_, n) => world.ada.comment(at(pr), `Please ${n}.`),
      { discard: true },
    )
    yield* world.sim.webhooks.idle
    yield* world.until(17, (row) => row.state.frozen?.run === 2 && rests(row))
    yield* Effect.sleep("4 seconds")
    yield* engine.idle
    expect(world.prompts).toHaveLength(2)
    expect(world.prompts[1]).toContain("Please 999.")
    expect((yield* world.stateOf(17))?.state.consumed).toHaveLength(1_000)
  }),
)

it.scopedLive("two bots that answer each other stop after the run that a person asked for", () =>
  Effect.gen(function* () {
    const world = yield* makeSimulated({
      // Our agent says something in each run, and the other bot answers at once.
      work: (plan, sim) => sim.as("bot").comment(at(prOf(sim)), `Run ${plan.run} is done.`),
    })
    const helper = world.sim.as("helper")
    const bot = world.sim.state.user("bot")?.id
    let answers = 0
    world.sim.state.watchers.add((happening) => {
      if (happening.kind !== "comment" || happening.actorId !== bot) return
      answers += 1
      Effect.runSync(helper.comment(at(world.prOf(17)), "@bot And now?"))
    })
    const { engine } = yield* world.serve
    yield* world.target(17)
    yield* world.until(17, rests)
    yield* world.ada.comment(at(world.prOf(17)), "Use oak.")
    yield* world.until(17, (row) => row.state.frozen?.run === 2 && rests(row))
    yield* world.sim.webhooks.idle
    yield* Effect.sleep("1 second")
    yield* engine.idle
    expect([world.prompts.length, answers]).toEqual([2, 2])
  }),
)

it.scopedLive(
  "checks that always fail stop after as many heads as ciFeedback says, until a person speaks",
  () =>
    Effect.gen(function* () {
      const failure = {
        state: "failure",
        context: "ci/test",
        description: "1 test failed",
        targetUrl: "http://ci.test/jobs/7",
      } as const
      const world = yield* makeSimulated({ more: { ciFeedback: 2 } })
      yield* world.serve
      yield* world.target(17)
      yield* world.until(17, rests)
      for (const run of [2, 3]) {
        yield* world.ada.check(at(world.prOf(17)), failure)
        // The same head again, and an error of the infrastructure, are no reason.
        yield* world.ada.check(at(world.prOf(17)), failure)
        yield* world.until(17, (row) => row.state.frozen?.run === run && rests(row))
        expect(world.prompts.at(-1)).toContain("http://ci.test/jobs/7")
      }
      yield* world.ada.check(at(world.prOf(17)), failure)
      yield* world.sim.webhooks.idle
      yield* Effect.sleep("1 second")
      expect(world.prompts).toHaveLength(3)
      expect((yield* world.stateOf(17))?.state.failedHeads).toHaveLength(2)
      yield* world.ada.comment(at(world.prOf(17)), "Try once more.")
      yield* world.until(17, (row) => row.state.frozen?.run === 4)
    }),
)

it.scopedLive(
  "an issue that depends on another starts when that is closed, though nothing is said of itself",
  () =>
    Effect.gen(function* () {
      const world = yield* makeSimulated({ issues: [16, 17] })
      const { engine } = yield* world.serve
      yield* world.ada.depend(at(17), at(16))
      yield* world.target(17)
      yield* world.until(17, ({ waits }) => waits === "dependencies")
      // Nothing about it is under way any more.
      yield* world.sim.webhooks.idle
      yield* engine.idle
      expect(world.prompts).toEqual([])
      yield* world.ada.close(at(16))
      yield* world.until(17, rests)
      expect(world.prompts).toHaveLength(1)
    }),
)

it.scopedLive("20 issues at once do not pass a budget of 5 runs a day, nor after a restart", () =>
  Effect.gen(function* () {
    const issues = Array.from({ length: 20 }, (_, n) => n + 101)
    const world = yield* makeSimulated({
      issues,
      more: { limits: { running: 20 }, budgets: { day: { runs: 5 } } },
    })
    const first = yield* world.serve
    yield* Effect.forEach(issues, world.target, { discard: true })
    yield* world.sim.webhooks.idle
    yield* Effect.forEach(issues, (number) =>
      world.until(number, (row) => row.waits === "limit" || rests(row)),
    )
    yield* first.engine.idle
    expect(world.prompts).toHaveLength(5)
    expect(yield* world.used).toMatchObject({ runs: 5 })
    yield* first.close
    const second = yield* world.serve
    yield* second.engine.idle
    yield* Effect.sleep("1 second")
    yield* second.engine.idle
    expect(world.prompts).toHaveLength(5)
  }),
)

it.scopedLive("a pull request of the same repository is taken on like an issue, by its own number", () =>
  Effect.gen(function* () {
    const world = yield* makeSimulated({ issues: [17, 30] })
    yield* world.serve
    world.sim.state.repo("ada", "cellar")?.issues.delete(30)
    const number = yield* world.ada.openPull(
      { owner: "ada", repo: "cellar" },
      { number: 30, title: "Update oak to 2", body: "A newer oak.", head: "work-30", base: "main" },
    )
    yield* world.target(number)
    const row = yield* world.until(number, ({ state }) => state.phase === "frozen")
    expect(row?.state).toMatchObject({ generation: 1, frozen: { cause: "done", run: 1 } })
    expect(world.prompts[0]).toContain("A newer oak.")
    yield* world.ada.comment(at(number), "Use 2.1.")
    yield* world.until(number, ({ state }) => state.frozen?.run === 2)
    expect(world.prompts[1]).toContain("Use 2.1.")
    yield* world.ada.merge(at(number))
    yield* world.until(number, ({ state }) => state.phase === "destroyed")
  }),
)
