/** Answers of Gitea that are none, or not whole, and lists that end where they should. */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Option, Stream } from "effect"
import { emptyBody, type Fault, htmlBody, nullBody } from "../../../src/simulator/GiteaSimulator.ts"
import { numbered } from "../../contracts/Forge.ts"
import { failed, simulated, status, TOKEN } from "../../support/gitea.ts"

describe.concurrent("GiteaForge refuses answers that are none", () => {
  const bad: ReadonlyArray<readonly [string, Fault, number, RegExp]> = [
    ["null", { ...nullBody, times: 9 }, 200, /is null/],
    ["empty", { ...emptyBody, times: 9 }, 200, /is empty/],
    ["a web page", { ...htmlBody, times: 9 }, 200, /web page.*FORGE_GITEA_API/],
    ["another kind of JSON", { kind: "body", body: "[7]", times: 9 }, 200, /does not have the form/],
    [
      "a value of another type",
      { kind: "body", body: `{"title":{"x":"${TOKEN}"}}`, times: 9 },
      200,
      /does not have the form/,
    ],
    ["half of it", { kind: "body", body: `{"title":"ab`, times: 9 }, 200, /not complete JSON/],
    ["cut off", { kind: "cut-off", times: 9 }, 0, /cut off/],
    ["nothing, the connection ends", { kind: "refused", times: 9 }, 0, /cannot be reached/],
    [
      "17 MiB",
      { kind: "body", body: `{"title":"${"x".repeat(17 * 1024 * 1024)}"}`, times: 9 },
      200,
      /larger than 16 MiB/,
    ],
  ]
  for (const [name, fault, code, reason] of bad) {
    it.live(name, () =>
      Effect.gen(function* () {
        const { forge, sim } = yield* simulated()
        sim.failNext({ ...fault, path: "/issues/17" })
        const error = yield* failed(forge.readIssue(17))
        expect(error).toMatchObject({ status: code, detail: expect.stringMatching(reason) })
        expect(error.message).not.toContain(TOKEN)
      }).pipe(Effect.scoped),
    )
  }

  it.live("a list of comments that is null is an error, elements that are null are left out", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated()
      sim.failNext({ ...nullBody, path: "/comments" })
      expect(yield* failed(forge.readComments(17))).toMatchObject({
        detail: expect.stringMatching(/is null/),
      })
      sim.failNext({ kind: "body", body: `[null,{"id":5,"user":null,"body":null}]`, path: "/comments" })
      expect(yield* forge.readComments(17)).toEqual([
        { id: 5, user: "", body: "", createdAt: "", updatedAt: "", authorTrusted: false },
      ])
    }).pipe(Effect.scoped),
  )

  it.live("what is missing or null in an issue or a PR has a plain default", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated()
      const plain = {
        title: "",
        body: "",
        state: "open",
        author: "",
        authorId: 0,
        labels: [],
        assignees: [],
      }
      for (const body of [
        "{}",
        `{"title":null,"body":null,"state":null,"user":null,"labels":null,"assignees":null,"number":null}`,
      ]) {
        sim.failNext({ kind: "body", body, path: "/issues/17" })
        expect(yield* forge.readIssue(17)).toEqual({ number: 17, ...plain })
      }
      sim.failNext({
        kind: "body",
        body: `{"head":null,"base":{"ref":null},"merged":null}`,
        path: "/pulls/18",
      })
      const gone = { head: "", base: "", headRepoId: -1, merged: false, draft: false }
      expect(yield* forge.readPr(18)).toEqual({ number: 18, ...plain, ...gone })
    }).pipe(Effect.scoped),
  )

  it.live("a PR whose fork is gone is read", () =>
    Effect.gen(function* () {
      const { forge, state } = yield* simulated()
      const repo = state.repo("acme", "tool")
      if (repo !== undefined)
        state.addPull(repo, { number: 50, title: "F", head: "x", headRepoId: -1, author: "ann" })
      expect(yield* forge.readPr(50)).toMatchObject({ headRepoId: -1, head: "x" })
    }).pipe(Effect.scoped),
  )

  it.live("a slow answer ends at the time limit, for reads and writes", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated({ requestTimeout: "1 second" })
      sim.failNext({ kind: "slow", times: 9 })
      const error = yield* failed(forge.readIssue(17))
      expect(error).toMatchObject({ status: 0, detail: expect.stringMatching(/no answer within 1s/) })
      expect(yield* failed(forge.updateDescription(17, "x"))).toMatchObject({ status: 0 })
      sim.forget()
      sim.failNext({ kind: "stalled" })
      expect(yield* failed(forge.readIssue(17))).toMatchObject({ status: 0 })
      expect(yield* forge.readIssue(17)).toMatchObject({ number: 17 })
    }).pipe(Effect.scoped),
  )

  it.live("no forge at that address", () =>
    Effect.gen(function* () {
      const { forge } = yield* simulated({ apiUrl: "http://127.0.0.1:1/api/v1" })
      const error = yield* failed(forge.readIssue(17))
      expect(error).toMatchObject({ status: 0, detail: expect.stringMatching(/cannot be reached/) })
      expect(error.message).toBe(`forge: readIssue failed: ${error.detail}`)
    }).pipe(Effect.scoped),
  )

  it.live("a base URL that is no API: its 404 is told with what to check", () =>
    Effect.gen(function* () {
      const { sim } = yield* simulated()
      const { forge } = yield* simulated({ apiUrl: `${sim.url}/elsewhere/api/v1/` })
      expect(yield* failed(forge.readIssue(17))).toMatchObject({
        status: 404,
        detail: expect.stringMatching(/FORGE_GITEA_API/),
      })
    }).pipe(Effect.scoped),
  )
})

describe.concurrent("GiteaForge asks again only where that is safe", () => {
  for (const fault of [
    status(502),
    { kind: "refused" },
    { kind: "cut-off" },
  ] satisfies ReadonlyArray<Fault>) {
    it.live(`a read that fails twice is answered by the third try: ${fault.kind}`, () =>
      Effect.gen(function* () {
        const { forge, sim } = yield* simulated()
        sim.failNext({ ...fault, times: 2 })
        expect(yield* forge.readIssue(17)).toMatchObject({ number: 17 })
        expect(sim.requests).toHaveLength(3)
        sim.forget()
        sim.failNext({ ...fault, times: 9 })
        yield* failed(forge.readIssue(17))
        expect(sim.requests).toHaveLength(3)
      }).pipe(Effect.scoped),
    )
  }

  it.live("a refusal is not asked again", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated()
      sim.failNext(status(403))
      yield* failed(forge.readIssue(17))
      expect(sim.requests).toHaveLength(1)
    }).pipe(Effect.scoped),
  )

  it.live("comments of an issue that does not exist are 404 though Gitea says 500", () =>
    Effect.gen(function* () {
      const { forge } = yield* simulated()
      for (const call of [forge.readComments(999), forge.postComment(999, "x"), forge.getPrForIssue(999)]) {
        expect(yield* failed(call)).toMatchObject({ status: 404, detail: expect.stringMatching(/#999/) })
      }
    }).pipe(Effect.scoped),
  )
})

describe.concurrent("GiteaForge reads a timeline to its end", () => {
  it.live("always with page and limit, over null pages and null elements", () =>
    Effect.gen(function* () {
      const { forge, sim, state } = yield* simulated()
      const repo = state.repo("acme", "tool")
      if (repo === undefined) return
      for (let n = 0; n < 120; n++) {
        numbered(repo, 20).comments.push({
          id: state.nextId(),
          authorId: 1,
          body: "x",
          createdAt: "2020-01-01T00:00:00Z",
          updatedAt: "",
        })
      }
      sim.forget()
      expect(yield* forge.getPrForIssue(20)).toEqual(Option.none())
      const asked = sim.requests
        .filter(({ path }) => path.includes("/timeline"))
        .map(({ path }) => path.split("?")[1])
      expect(asked).toEqual([1, 2, 3, 4, 5].map((page) => `page=${page}&limit=50`))
    }).pipe(Effect.scoped),
  )

  it.live("past a page whose elements were all left out, and past elements that are null", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated()
      const closes = {
        ref_action: "closes",
        ref_issue: { number: 77, state: "open", pull_request: {}, repository: { full_name: "Acme/Tool" } },
      }
      const foreign = {
        ...closes,
        ref_issue: { ...closes.ref_issue, number: 80, repository: { full_name: "acme/fork" } },
      }
      const neutered = { ...closes, ref_action: "neutered", ref_issue: { ...closes.ref_issue, number: 78 } }
      const issue = { ...closes, ref_issue: { ...closes.ref_issue, number: 79, pull_request: null } }
      sim.failNext({ ...nullBody, path: "page=1" })
      sim.failNext({
        kind: "body",
        body: JSON.stringify([null, foreign, neutered, issue, closes, { ref_issue: null }]),
        path: "page=2",
      })
      expect(yield* forge.getPrForIssue(17)).toEqual(Option.some(77))
    }).pipe(Effect.scoped),
  )
})

describe.concurrent("GiteaForge lists targeted issues", () => {
  it.live("page by page, PRs and other labels left out, with a time that Gitea reads", () =>
    Effect.gen(function* () {
      const { forge, sim } = yield* simulated()
      sim.failNext({
        kind: "body",
        body: JSON.stringify([
          null,
          { number: 5, labels: [{ name: "bot-bottle:a" }], pull_request: {} },
          { number: 6, labels: [{ name: "other" }, null] },
          { number: 7, labels: [{ name: "bot-bottle:a" }] },
        ]),
        path: "/issues",
      })
      sim.failNext({ ...nullBody, path: "/issues" })
      const found = yield* Stream.runCollect(forge.targetedIssues("2026-01-01T02:00:00+02:00"))
      expect(Chunk.toReadonlyArray(found).map(({ number }) => number)).toEqual([7])
      expect(sim.requests[0]?.path).toBe(
        "/repos/acme/tool/issues?type=issues&state=open&page=1&since=2026-01-01T00%3A00%3A00.000Z&limit=50",
      )
    }).pipe(Effect.scoped),
  )
})
