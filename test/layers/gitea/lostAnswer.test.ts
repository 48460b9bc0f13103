/** Writes whose answer is lost: done once, whatever the connection does. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { emptyBody, type Fault, htmlBody, nullBody } from "../../../src/simulator/GiteaSimulator.ts"
import type { GiteaState } from "../../../src/simulator/GiteaSimulator.ts"
import { simulated } from "../../support/gitea.ts"

const comments = (state: GiteaState, number: number) =>
  (state.issue("acme", "tool", number)?.comments ?? []).map(({ body }) => body)

const afterEffect: ReadonlyArray<readonly [string, Fault]> = [
  ["lost", { kind: "lost" }],
  ["cut off", { kind: "cut-off" }],
  ["null", nullBody],
  ["empty", emptyBody],
  ["a web page", htmlBody],
]
const beforeEffect: ReadonlyArray<readonly [string, Fault]> = [
  ["refused", { kind: "refused" }],
  ["502", { kind: "status", status: 502 }],
  ["500", { kind: "status", status: 500 }],
]

describe.concurrent("a comment is posted once", () => {
  for (const [name, fault] of afterEffect) {
    it.live(`when it was posted and its answer is ${name}`, () =>
      Effect.gen(function* () {
        const { forge, sim, state } = yield* simulated()
        sim.failNext({ ...fault, method: "POST" })
        const id = yield* forge.postComment(18, "hello ")
        expect(state.issue("acme", "tool", 18)?.comments).toMatchObject([{ id, body: "hello " }])
      }).pipe(Effect.scoped),
    )
  }
  for (const [name, fault] of beforeEffect) {
    it.live(`when it was not posted: ${name}`, () =>
      Effect.gen(function* () {
        const { forge, sim, state } = yield* simulated()
        sim.failNext({ ...fault, method: "POST", times: 2 })
        yield* forge.postComment(18, "hello")
        expect(comments(state, 18)).toEqual(["hello"])
        expect(sim.requests.filter(({ method }) => method === "POST")).toHaveLength(3)
      }).pipe(Effect.scoped),
    )
  }

  it.live("also when the bot or another has said the same before", () =>
    Effect.gen(function* () {
      const { forge, sim, state } = yield* simulated()
      const repo = state.repo("acme", "tool")
      const old = "2020-01-01T00:00:00Z"
      const bot = state.ensureUser("bot").id
      const ann = state.ensureUser("ann").id
      repo?.issues
        .get(18)
        ?.comments.push({ id: state.nextId(), authorId: bot, body: "same", createdAt: old, updatedAt: old })
      yield* forge.postComment(18, "same")
      const now = state.now()
      repo?.issues
        .get(18)
        ?.comments.push({ id: state.nextId(), authorId: ann, body: "same", createdAt: now, updatedAt: now })
      sim.failNext({ kind: "refused", method: "POST" })
      yield* forge.postComment(18, "same")
      expect(comments(state, 18)).toEqual(["same", "same", "same", "same"])
      sim.failNext({ kind: "lost", method: "POST" })
      yield* forge.postComment(18, "same")
      expect(comments(state, 18)).toHaveLength(5)
    }).pipe(Effect.scoped),
  )

  it.live(
    "also when the forge's clock is an hour off: a lost one is found, an old one is not taken for it",
    () =>
      Effect.gen(function* () {
        for (const hours of [-1, 1]) {
          const { forge, sim, state } = yield* simulated({}, { now: () => Date.now() + hours * 3_600_000 })
          const old = new Date(state.millis() - 60_000).toISOString()
          const bot = state.ensureUser("bot").id
          state
            .issue("acme", "tool", 18)
            ?.comments.push({ id: state.nextId(), authorId: bot, body: "x", createdAt: old, updatedAt: old })
          sim.failNext({ kind: "lost", method: "POST" })
          yield* forge.postComment(18, "x")
          expect(comments(state, 18)).toHaveLength(2)
          sim.failNext({ kind: "refused", method: "POST" })
          yield* forge.postComment(18, "x")
          expect(comments(state, 18)).toHaveLength(3)
        }
      }).pipe(Effect.scoped),
  )

  it.live("and when nothing can be known, it fails as the sending did", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated({ requestTimeout: "100 millis" })
      sim.failNext({ kind: "slow", times: 99 })
      const error = yield* Effect.flip(forge.postComment(18, "x"))
      expect(error).toMatchObject({ operation: "postComment", status: 0 })
      expect(sim.requests.filter(({ method }) => method === "POST")).toHaveLength(1)
    }).pipe(Effect.scoped),
  )
})

describe.concurrent("a description is written once", () => {
  for (const [name, fault] of afterEffect) {
    it.live(`when its answer is ${name}`, () =>
      Effect.gen(function* () {
        const { forge, sim, state } = yield* simulated()
        sim.failNext({ ...fault, method: "PATCH" })
        yield* forge.updateDescription(17, "new")
        expect(state.issue("acme", "tool", 17)).toMatchObject({ body: "new", contentVersion: 1 })
      }).pipe(Effect.scoped),
    )
  }

  it.live("and sent again when it was not", () =>
    Effect.gen(function* () {
      const { forge, sim, state } = yield* simulated()
      sim.failNext({ kind: "refused", method: "PATCH" })
      yield* forge.updateDescription(17, "new")
      expect(state.issue("acme", "tool", 17)).toMatchObject({ body: "new", contentVersion: 1 })
    }).pipe(Effect.scoped),
  )

  it.live("a description that is the same is not sent", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated()
      const { body } = yield* forge.readIssue(17)
      yield* forge.updateDescription(17, body)
      expect(sim.requests.filter(({ method }) => method === "PATCH")).toEqual([])
    }).pipe(Effect.scoped),
  )

  it.live("with the version that was read, when the forge counts versions", () =>
    Effect.gen(function* () {
      for (const contentVersions of [true, false]) {
        const { forge, sim } = yield* simulated({}, { contentVersions })
        yield* forge.updateDescription(17, "new")
        expect(sim.requests.at(-1)?.body).toBe(
          contentVersions ? `{"body":"new","content_version":0}` : `{"body":"new"}`,
        )
      }
    }).pipe(Effect.scoped),
  )

  it.live("and not sent again when another has edited it since", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated()
      sim.failNext({ kind: "body", body: `{"body":"old"}`, method: "GET", path: "/issues/17" })
      sim.failNext({ kind: "refused", method: "PATCH" })
      sim.failNext({ kind: "body", body: `{"body":"theirs"}`, method: "GET", path: "/issues/17" })
      expect(yield* Effect.flip(forge.updateDescription(17, "new"))).toMatchObject({ status: 409 })
      expect(sim.requests.filter(({ method }) => method === "PATCH")).toHaveLength(1)
    }).pipe(Effect.scoped),
  )

  it.live("and never over another's edit", () =>
    Effect.gen(function* () {
      const { forge, sim, state } = yield* simulated()
      const issue = state.issue("acme", "tool", 17)
      const stale = JSON.stringify({ body: "old", content_version: 7 })
      sim.failNext({ kind: "body", body: stale, method: "GET", path: "/issues/17" })
      const error = yield* Effect.flip(forge.updateDescription(17, "new"))
      expect(error).toMatchObject({ status: 409, detail: expect.stringMatching(/changed by someone else/) })
      expect(issue?.body).not.toBe("new")
    }).pipe(Effect.scoped),
  )
})

describe.concurrent("a pull request is opened once", () => {
  const pr = { title: "T", body: "Closes #17", head: "bot-bottle/two" }
  for (const [name, fault] of [...afterEffect, ...beforeEffect]) {
    it.live(`when its answer is ${name}`, () =>
      Effect.gen(function* () {
        const { forge, sim, state } = yield* simulated()
        const before = state.repo("acme", "tool")?.issues.size ?? 0
        sim.failNext({ ...fault, method: "POST" })
        const number = yield* forge.openPr(pr)
        expect(state.repo("acme", "tool")?.issues.size).toBe(before + 1)
        expect(yield* forge.readPr(number)).toMatchObject(pr)
      }).pipe(Effect.scoped),
    )
  }

  it.live("and one from a fork with the same branch name is not taken for it", () =>
    Effect.gen(function* () {
      const { forge, sim, state } = yield* simulated()
      const repo = state.repo("acme", "tool")
      if (repo === undefined) return
      const fork = state.addRepo({ owner: "stranger", name: "tool", branches: ["bot-bottle/two"] })
      const theirs = state.addPull(repo, {
        title: "F",
        head: "bot-bottle/two",
        headRepoId: fork.id,
        author: "bot",
      })
      sim.failNext({ kind: "status", status: 409, method: "POST" })
      expect(yield* Effect.flip(forge.openPr(pr))).toMatchObject({ status: 409, operation: "openPr" })
      expect(yield* forge.openPr(pr)).not.toBe(theirs.number)
    }).pipe(Effect.scoped),
  )
})
