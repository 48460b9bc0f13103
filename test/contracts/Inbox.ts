/** What every Inbox does, whatever keeps its rows. */
import { describe, expect, it } from "@effect/vitest"
import { Array as Arr, Effect, type Layer } from "effect"
import { HintId, InboxRow } from "../../src/domain/orchestrator/InboxHint.ts"
import { IssueNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { hint, hintId, issue } from "../support/life.ts"

const ids = (rows: ReadonlyArray<{ readonly id: HintId }>) => rows.map(({ id }) => id)
const all = { limit: 1000 }

/** Runs the suite over a layer that is empty each time it is built. */
export const inboxContract = (name: string, fresh: Layer.Layer<Inbox, unknown>) => {
  const check = <E>(title: string, effect: (inbox: Inbox["Type"]) => Effect.Effect<void, E>) =>
    it.effect(title, () => Effect.provide(Effect.flatMap(Inbox, effect), fresh))

  describe(`Inbox over ${name}`, () => {
    check("gives back what was accepted, whole and open", (inbox) =>
      Effect.gen(function* () {
        const one = hint("one", {
          kind: "review",
          receivedAt: 1234,
          detail: {
            repositoryId: 5,
            isPull: true,
            action: "reviewed",
            actor: { login: "ada", id: 3 },
            comment: { id: 9, author: { login: "bob \u0000\u{1f37e}\ud800", id: 4 } },
            textEdited: false,
            sha: "c0ffee",
            merged: true,
          },
        })
        expect(yield* inbox.accept(one)).toBe("accepted")
        const [row] = yield* inbox.open(issue())
        expect(row).toBeInstanceOf(InboxRow)
        expect(row).toEqual(
          new InboxRow({ ...one, seq: row?.seq ?? 0, state: "open", tries: 0, problem: null }),
        )
      }),
    )

    check("knows an id again, in every state, and lets the first hint be as it is", (inbox) =>
      Effect.gen(function* () {
        yield* Effect.forEach(["open", "handled", "aside"], (name) => inbox.accept(hint(name)))
        yield* inbox.handle([hintId("handled")], 1)
        yield* inbox.failed([hintId("aside")], "broken", 1)
        const before = [yield* inbox.open(issue()), yield* inbox.setAside(all)]
        for (const name of ["open", "handled", "aside"])
          expect(yield* inbox.accept(hint(name, { ...issue(99), kind: "issue", receivedAt: 9 }))).toBe(
            "known",
          )
        expect([yield* inbox.open(issue()), yield* inbox.setAside(all)]).toEqual(before)
        expect(yield* inbox.open(issue(99))).toEqual([])
      }),
    )

    check(
      "lists the open hints of an issue in order of arrival, whatever the spelling of its names",
      (inbox) =>
        Effect.gen(function* () {
          yield* inbox.accept(hint("z", { receivedAt: 3000 }))
          yield* inbox.accept(hint("other", issue(18)))
          yield* inbox.accept(
            hint("a", { receivedAt: 1000, ...issue(17, { owner: "ACME", repo: "Cellar" }) }),
          )
          yield* inbox.accept(hint("forge", issue(17, { forge: "https://other.example/api/v1" })))
          expect(ids(yield* inbox.open(issue()))).toEqual(["z", "a"])
          expect(ids(yield* inbox.open(issue(17, { owner: "Acme" })))).toEqual(["z", "a"])
          expect(ids(yield* inbox.open(issue(16)))).toEqual([])
        }),
    )

    check("accepts fifty at once, each id once", (inbox) =>
      Effect.gen(function* () {
        const answers = yield* Effect.forEach(Arr.range(0, 99), (n) => inbox.accept(hint(`hint-${n % 50}`)), {
          concurrency: "unbounded",
        })
        expect(answers.filter((each) => each === "accepted").length).toBe(50)
        expect(ids(yield* inbox.open(issue()))).toEqual(Arr.makeBy(50, (n) => `hint-${n}`))
      }),
    )

    check("lists the oldest open hint of each issue by page", (inbox) =>
      Effect.gen(function* () {
        for (const n of [3, 1, 3, 2, 1, 4]) yield* inbox.accept(hint(`${n}-${Math.random()}`, issue(n)))
        yield* inbox.accept(hint("nobody", { issueNumber: null }))
        yield* inbox.handle(ids(yield* inbox.open(issue(2))), 1)
        const first = yield* inbox.waiting({ limit: 2 })
        expect(first.map(({ issueNumber }) => issueNumber)).toEqual([3, 1])
        const [, last] = first
        const rest = yield* inbox.waiting({ limit: 2, ...(last && { after: last }) })
        expect(rest.map(({ issueNumber }) => issueNumber)).toEqual([4])
      }),
    )

    check("puts hints of issues in the place of one that has none, once", (inbox) =>
      Effect.gen(function* () {
        const status = hint("status", { issueNumber: null, kind: "status", detail: { sha: "c0ffee" } })
        yield* inbox.accept(status)
        yield* inbox.accept(hint("ignored", { issueNumber: null }))
        expect(ids(yield* inbox.unrouted({ limit: 1 }))).toEqual(["status"])
        const route = inbox.route(hintId("status"), [IssueNumber.make(17), IssueNumber.make(18)], 2)
        yield* route
        yield* route
        yield* inbox.route(hintId("ignored"), [], 2)
        yield* inbox.route(hintId("unknown"), [IssueNumber.make(17)], 2)
        expect(yield* inbox.unrouted(all)).toEqual([])
        expect(yield* inbox.open(issue(18))).toMatchObject([
          { id: "status#18", kind: "status", detail: { sha: "c0ffee" }, receivedAt: 1000, tries: 0 },
        ])
        yield* inbox.handle([hintId("status#17")], 3)
        yield* route
        expect(yield* inbox.open(issue(17))).toEqual([])
        expect(yield* inbox.accept(status)).toBe("known")
      }),
    )

    check("marks as handled those that are open, and does not mind others", (inbox) =>
      Effect.gen(function* () {
        yield* Effect.forEach(["a", "b", "c"], (name) => inbox.accept(hint(name)))
        yield* inbox.handle([], 1)
        yield* inbox.handle(["a", "c", "unknown"].map(hintId), 1)
        yield* inbox.handle([hintId("a")], 2)
        expect(ids(yield* inbox.open(issue()))).toEqual(["b"])
      }),
    )

    check("sets aside, with its reason, a hint that failed so many times; others go on", (inbox) =>
      Effect.gen(function* () {
        yield* Effect.forEach(["bad", "good", "done"], (name) => inbox.accept(hint(name)))
        yield* inbox.handle([hintId("done")], 1)
        const fail = (problem: string) => inbox.failed(["bad", "done", "unknown"].map(hintId), problem, 3)
        expect(yield* fail("first")).toEqual([])
        expect(yield* fail("second")).toEqual([])
        expect(yield* inbox.open(issue())).toMatchObject([
          { id: "bad", tries: 2, problem: "second", state: "open" },
          { id: "good", tries: 0, problem: null },
        ])
        expect(yield* fail("third")).toEqual(["bad"])
        expect(yield* fail("fourth")).toEqual([])
        expect(ids(yield* inbox.open(issue()))).toEqual(["good"])
        expect(yield* inbox.setAside(all)).toMatchObject([
          { id: "bad", tries: 3, problem: "third", state: "set-aside" },
        ])
        yield* inbox.handle([hintId("bad")], 1)
        yield* inbox.reopen(issue(18))
        expect(ids(yield* inbox.setAside(all))).toEqual(["bad"])
        yield* inbox.reopen(issue(17, { repo: "CELLAR" }))
        expect(yield* inbox.setAside(all)).toEqual([])
        expect(yield* inbox.open(issue())).toMatchObject([
          { id: "bad", tries: 0, problem: "third" },
          { id: "good" },
        ])
      }),
    )

    check("forgets what was handled long ago, and nothing else", (inbox) =>
      Effect.gen(function* () {
        yield* Effect.forEach(["old", "new", "open", "aside"], (name) => inbox.accept(hint(name)))
        yield* inbox.failed([hintId("aside")], "broken", 1)
        yield* inbox.handle([hintId("old")], 999)
        yield* inbox.handle([hintId("new")], 1000)
        expect(yield* inbox.forget(1000)).toBe(1)
        expect(yield* inbox.forget(1000)).toBe(0)
        expect(yield* inbox.accept(hint("new"))).toBe("known")
        expect(yield* inbox.accept(hint("old"))).toBe("accepted")
        expect(ids(yield* inbox.open(issue()))).toEqual(["open", "old"])
      }),
    )
  })
}
