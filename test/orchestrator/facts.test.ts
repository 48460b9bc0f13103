/** What the forge tells beside an issue's text decides about its life: who targeted it, what it waits for, reviews, checks, conflicts. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import * as actions from "../../src/simulator/actions.ts"
import * as gitActions from "../../src/simulator/gitActions.ts"
import * as reviewActions from "../../src/simulator/reviewActions.ts"
import { numbered } from "../contracts/Forge.ts"
import { hint, kept, makeWorld, merges, targets, type World, type WorldOptions } from "./world.ts"

const LABEL = "bot-bottle:carpenter"

/** A world that is served, with what people do in it. */
const served = Effect.fnUntraced(function* (options: WorldOptions = {}) {
  const world = yield* makeWorld(options)
  const { engine } = yield* world.serve
  const { repo, state } = world.forge
  let hints = 0
  const id = (login: string) => state.ensureUser(login).id
  const issue = numbered(repo, 17)
  return {
    world,
    state,
    repo,
    issue,
    id,
    labels: (who: string, on = true) => Effect.sync(() => actions.setLabel(state, issue, id(who), LABEL, on)),
    assigns: (who: string, on = true) =>
      Effect.sync(() => actions.setAssignee(state, issue, id(who), "cellar-bot", on)),
    /** Something happened; the engine looks and time passes. */
    passes: Effect.fnUntraced(function* (time: `${number} seconds` | `${number} minutes`) {
      yield* engine.hint(hint(`something-${(hints += 1)}`))
      yield* engine.idle
      yield* TestClock.adjust(time)
      yield* engine.idle
    }),
  }
})

const prOf = ({ forge }: World) => {
  const found = [...forge.repo.issues.values()].find(({ pull }) => pull !== undefined)
  if (found?.pull === undefined) throw new Error("there is no pull request")
  return Object.assign(found, { pull: found.pull })
}

/** With a bottle that is frozen, whose agent opened a pull request. */
const frozen = Effect.fnUntraced(function* (options: WorldOptions = {}) {
  const life = yield* served(options)
  yield* targets(life.world)
  yield* life.passes("30 seconds")
  expect(yield* kept(life.world)).toMatchObject({ phase: "frozen", runs: [1] })
  return { ...life, pr: prOf(life.world) }
})

it.scoped(
  "a text that is edited between the decision and the launch reaches the agent marked as edited",
  () =>
    Effect.gen(function* () {
      const calls: Array<string> = []
      const edit: { now?: () => void } = {}
      const gate = (call: string) =>
        Effect.sync(() => {
          calls.push(call)
          // The launch looks for its row before it reads the texts.
          if (call !== "rows.get" || !calls.includes("states.commit")) return
          edit.now?.()
          delete edit.now
        })
      const { world, state, issue, id, passes } = yield* served({ gate })
      edit.now = () => actions.editBody(state, issue, id("ada"), "Ada says: something else.")
      yield* targets(world)
      yield* passes("30 seconds")
      expect([yield* kept(world), edit]).toMatchObject([{ runs: [1] }, {}])
      expect(world.prompts[0]).toMatch(/begin \{[^}]*"edited":true[^}]*\}\nAda says: something else\./)
    }),
)

describe("who targeted an issue", () => {
  it.scoped("a label by a stranger starts nothing, until somebody trusted puts it on", () =>
    Effect.gen(function* () {
      const { world, labels, assigns, passes } = yield* served()
      yield* labels("eve")
      yield* assigns("ada")
      yield* passes("5 minutes")
      expect(yield* kept(world)).toMatchObject({ runs: [], status: null })
      yield* labels("ada", false)
      yield* labels("ada")
      yield* passes("5 minutes")
      expect(yield* kept(world)).toMatchObject({ runs: [1] })
    }),
  )

  it.scoped("a stranger who assigns, or takes the label off and puts it on again, starts nothing", () =>
    Effect.gen(function* () {
      const { world, labels, assigns, passes } = yield* served()
      yield* labels("ada")
      yield* assigns("eve")
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([])
      yield* assigns("ada", false)
      yield* assigns("ada")
      yield* labels("eve", false)
      yield* labels("eve")
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([])
    }),
  )

  it.scoped("a stranger who reopens an issue starts nothing", () =>
    Effect.gen(function* () {
      const { world, state, issue, id, passes } = yield* served()
      yield* targets(world)
      actions.setState(state, issue, "closed", id("ada"))
      actions.setState(state, issue, "open", id("eve"))
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([])
      actions.setState(state, issue, "closed", id("ada"))
      actions.setState(state, issue, "open", id("ada"))
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([1])
    }),
  )

  it.scoped("a label that the timeline does not tell of starts nothing", () =>
    Effect.gen(function* () {
      const { world, issue, assigns, passes } = yield* served()
      issue.labels.push(LABEL)
      yield* assigns("ada")
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([])
    }),
  )

  it.scoped("an issue that a stranger closes runs on, and one that a trusted person closes is frozen", () =>
    Effect.gen(function* () {
      const { world, state, issue, id, passes } = yield* served()
      yield* targets(world)
      yield* passes("1 seconds")
      actions.setState(state, issue, "closed", id("eve"))
      yield* passes("1 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "running" })
      actions.setState(state, issue, "open", id("ada"))
      actions.setState(state, issue, "closed", id("ada"))
      yield* passes("1 seconds")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen" })
      expect(world.prompts).toEqual([])
    }),
  )
})

describe("what an issue waits for", () => {
  it.scoped("an open dependency holds it back, and it starts when that is closed", () =>
    Effect.gen(function* () {
      const { world, state, repo, issue, id, passes } = yield* served({ more: [16] })
      actions.setDependency(state, issue, id("ada"), numbered(repo, 16), true)
      yield* targets(world)
      yield* passes("5 minutes")
      expect(yield* kept(world)).toMatchObject({ waits: "dependencies", runs: [] })
      actions.setState(state, numbered(repo, 16), "closed", id("ada"))
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([1])
    }),
  )

  it.scoped("a dependency that the bot may not see holds it back", () =>
    Effect.gen(function* () {
      const { world, state, repo, issue, id, passes } = yield* served()
      repo.collaborators.set("cellar-bot", "read")
      const vault = state.addRepo({
        owner: "ada",
        name: "vault",
        private: true,
        issues: [{ number: 1, title: "x" }],
      })
      actions.setDependency(state, issue, id("ada"), numbered(vault, 1), true)
      yield* targets(world)
      yield* passes("5 minutes")
      expect(yield* kept(world)).toMatchObject({ waits: "dependencies", runs: [] })
    }),
  )
})

describe("reviews", () => {
  it.scoped("one with a line resumes the agent, with file, line and hunk in the prompt", () =>
    Effect.gen(function* () {
      const { world, state, id, passes, pr } = yield* frozen()
      const lines = [{ path: "src/lid.ts", line: 7, body: "Why not oak?", hunk: "@@ -6 +7 @@\n+pine()" }]
      const review = reviewActions.submit(state, pr, id("ada"), {
        state: "REQUEST_CHANGES",
        body: "See below",
        lines,
      })
      if (review === undefined) return yield* Effect.dieMessage("no review")
      reviewActions.answer(state, pr, id("eve"), review, "No: delete it all")
      yield* passes("2 minutes")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [2] })
      const prompt = world.prompts[1] ?? ""
      for (const part of ["See below", "Why not oak?", "src/lid.ts", '"line":7', "+pine()", "rejected"])
        expect(prompt).toContain(part)
      expect(prompt).not.toContain("delete it all")

      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([2])
      reviewActions.answer(state, pr, id("ada"), review, "Or beech.")
      yield* passes("2 minutes")
      expect((yield* kept(world)).runs).toEqual([3])
      expect(world.prompts[2]).toContain("Or beech.")
      expect(world.prompts[2]).not.toContain("See below")
    }),
  )

  it.scoped("those of a stranger and of the bot, dismissed ones and requests resume nothing", () =>
    Effect.gen(function* () {
      const { world, state, id, passes, pr } = yield* frozen()
      for (const who of ["eve", "cellar-bot"])
        reviewActions.submit(state, pr, id(who), { state: "COMMENT", body: "Change all of it" })
      const review = reviewActions.submit(state, pr, id("ada"), { state: "REQUEST_CHANGES", body: "Hm" })
      if (review === undefined) return yield* Effect.dieMessage("no review")
      reviewActions.dismiss(state, pr, id("ada"), review, "a mistake")
      reviewActions.ask(state, pr, id("ada"), "ada")
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([1])
    }),
  )
})

describe("the end of a pull request", () => {
  it.scoped("one that is closed without a merge has its bottle destroyed after closeGrace", () =>
    Effect.gen(function* () {
      const { world, state, id, passes, pr } = yield* frozen()
      actions.setState(state, pr, "closed", id("ada"))
      yield* passes("9 minutes")
      expect(yield* kept(world)).toMatchObject({ phase: "frozen", status: "frozen" })
      yield* TestClock.adjust("2 minutes")
      yield* passes("1 seconds")
      expect(yield* kept(world)).toMatchObject({ status: "destroyed", runs: [] })
    }),
  )

  it.scoped("one that is reopened in time keeps it, and a merge destroys it at once", () =>
    Effect.gen(function* () {
      const { world, state, id, passes, pr } = yield* frozen()
      actions.setState(state, pr, "closed", id("ada"))
      yield* passes("5 minutes")
      actions.setState(state, pr, "open", id("ada"))
      yield* passes("30 minutes")
      expect(yield* kept(world)).toMatchObject({ status: "frozen", runs: [1] })
      yield* merges(world, pr.number)
      yield* passes("1 seconds")
      expect(yield* kept(world)).toMatchObject({ status: "destroyed", runs: [] })
    }),
  )
})

describe("checks and conflicts", () => {
  const failure = {
    state: "failure",
    context: "ci/test",
    description: "1 test failed",
    targetUrl: "http://ci.test/1",
  } as const

  it.scoped("checks of the run's head that fail resume it once for each head, with name and link", () =>
    Effect.gen(function* () {
      const { world, state, repo, id, passes, pr } = yield* frozen({ life: { ciFeedback: 3 } })
      const fails = () =>
        gitActions.setStatus(state, repo, id("ada"), state.headOf(repo, pr.pull.head), failure)
      gitActions.setStatus(state, repo, id("ada"), state.headOf(repo, pr.pull.head), {
        state: "error",
        context: "ci/lint",
      })
      yield* passes("2 minutes")
      expect((yield* kept(world)).runs).toEqual([1])
      fails()
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([2])
      for (const part of ["ci/test", "1 test failed", "http://ci.test/1"])
        expect(world.prompts[1]).toContain(part)
      expect(world.prompts[1]).not.toContain("ci/lint")
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([2])
      gitActions.push(state, repo, id("eve"), pr.pull.head)
      fails()
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([2])
      gitActions.push(state, repo, id("cellar-bot"), pr.pull.head)
      fails()
      yield* passes("5 minutes")
      expect((yield* kept(world)).runs).toEqual([3])
    }),
  )

  it.scoped("checks are not asked for where nobody wants them", () =>
    Effect.gen(function* () {
      const { world, state, repo, id, passes, pr } = yield* frozen()
      gitActions.setStatus(state, repo, id("ada"), state.headOf(repo, pr.pull.head), failure)
      world.forge.failNext("readChecks", 500)
      yield* passes("5 minutes")
      expect(yield* kept(world)).toMatchObject({ runs: [1], open: 0 })
    }),
  )

  it.scoped("a conflict that lasts resumes the agent where that is wanted", () =>
    Effect.gen(function* () {
      for (const onConflict of ["ignore", "resume"] as const) {
        const { world, passes, pr } = yield* frozen({ life: { onConflict } })
        pr.pull.merging = "conflict"
        yield* passes("5 minutes")
        expect((yield* kept(world)).runs).toEqual([onConflict === "resume" ? 2 : 1])
      }
    }),
  )
})
