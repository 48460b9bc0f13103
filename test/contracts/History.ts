/** What every History does, and how issues, runs and usage are listed for operators, whatever keeps the rows. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { operationId, RunNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import { Day } from "../../src/domain/orchestrator/Usage.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { History } from "../../src/services/History.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { Operations } from "../../src/services/Operations.ts"
import { Usage } from "../../src/services/Usage.ts"
import { begins, commit, hint, hintId, issue, waits } from "../support/life.ts"

type All = History | Inbox | IssueStates | Operations | Usage

const launch = {
  _tag: "Launch",
  reason: "it is targeted",
  consumes: [],
  text: { digest: "d", edited: false, changed: false, editors: [] },
  allowance: {},
  targeting: 1,
  agent: "carpenter",
  bottles: [],
} as const
const started = { slug: Slug.make("fix-abcde"), run: RunNumber.make(1) }

/** Runs the suite over a layer that is empty each time it is built. */
export const historyContract = (name: string, fresh: Layer.Layer<All, unknown>) => {
  const check = <E>(title: string, effect: Effect.Effect<void, E, All>) =>
    it.effect(title, () => Effect.provide(effect, fresh))

  describe(`History over ${name}`, () => {
    check(
      "has a life in order: the decision with what led to it, the run, its end, and what the issue waits for",
      Effect.gen(function* () {
        const { accept } = yield* Inbox
        const { commit: store } = yield* IssueStates
        const operations = yield* Operations
        const actor = { login: "ada", id: 7 }
        yield* accept(hint("one", { kind: "label", detail: { action: "label_updated", actor } }))
        yield* accept(hint("two", { kind: "sweep" }))
        yield* store(commit(begins(1, launch), { handled: [hintId("two"), hintId("one")] }))
        const id = operationId(issue(), { generation: 1, step: 1 })
        yield* operations.start(id, started)
        yield* operations.start(id, started)
        yield* store(commit(waits(2, {}, "operation")))
        yield* operations.finish(id, { at: 6000 })
        yield* operations.finish(id, { at: 7000 })
        yield* store(commit(waits(3, { reason: "it waits" }, "agent")))
        yield* store(commit(waits(4, { reason: "it waits" }, "agent")))
        const { of, all, newest } = yield* History
        const events = (yield* of(issue(), { limit: 10 })).map(({ event }) => event)
        expect(events).toEqual([
          {
            _tag: "Decided",
            rule: "test",
            operation: "Launch",
            waits: null,
            reason: "it is targeted",
            until: null,
            causes: [{ kind: "label", action: "label_updated", actor: "ada" }, { kind: "sweep" }],
          },
          { _tag: "Started", operation: "Launch", ...started },
          { _tag: "Ended", operation: "Launch", ...started, problem: null },
          {
            _tag: "Decided",
            rule: "rest",
            operation: null,
            waits: "agent",
            reason: "it waits",
            until: null,
            causes: [],
          },
        ])
        expect(yield* newest).toBe(4)
        expect((yield* all({ limit: 2, after: { seq: 1 } })).map(({ seq }) => seq)).toEqual([2, 3])
        expect((yield* of(issue(), { limit: 2, after: { seq: 3 } })).map(({ seq }) => seq)).toEqual([4])
        expect(yield* of(issue(18), { limit: 10 })).toEqual([])
      }),
    )

    check(
      "has nothing of an issue that is for no agent, and of a decision that was not stored",
      Effect.gen(function* () {
        const { commit: store } = yield* IssueStates
        yield* store(commit(waits(1, {}, "not-targeted")))
        yield* store(commit(waits(2, { reason: "closed" }, "over")))
        yield* store(commit(begins(2)))
        const { all } = yield* History
        expect(yield* all({ limit: 10 })).toEqual([])
        yield* store(commit(waits(3, {}, "refused")))
        yield* store(commit(waits(4, {}, "not-targeted")))
        expect((yield* all({ limit: 10 })).length).toBe(2)
      }),
    )

    check(
      "keeps orders of operators, and gives no number twice after entries were forgotten",
      Effect.gen(function* () {
        const history = yield* History
        const ordered = { _tag: "Ordered", operator: "ada", action: "pause", target: "" } as const
        yield* history.add({ at: 1000, issue: null, event: ordered })
        yield* history.add({ at: 2000, issue: issue(), event: { ...ordered, action: "retry" } })
        yield* history.forget(3000)
        expect([yield* history.all({ limit: 9 }), yield* history.newest]).toEqual([[], 2])
        yield* history.add({ at: 4000, issue: null, event: ordered })
        expect(yield* history.all({ limit: 9 })).toEqual([{ seq: 3, at: 4000, issue: null, event: ordered }])
      }),
    )

    check(
      "lists issues with the newest decision first, by page and by what is asked for",
      Effect.gen(function* () {
        const states = yield* IssueStates
        const put = (n: number, at: number, kind: Parameters<typeof waits>[2], fields = {}) =>
          states.commit(
            commit(waits(1, { reason: `reason ${n}` }, kind), {
              issue: issue(n, fields),
              at,
              title: `Title of ${n} 100%_`,
            }),
          )
        yield* put(1, 10, "settle")
        yield* put(2, 30, "limit", { owner: "Other" })
        yield* put(3, 20, "limit")
        yield* put(4, 40, "not-targeted")
        yield* put(5, 20, "limit")
        const found = (search: Partial<Parameters<typeof states.search>[0]> = {}) =>
          Effect.map(states.search({ limit: 10, ...search }), (rows) => rows.map((row) => row.issueNumber))
        expect(yield* found()).toEqual([2, 3, 5, 1])
        expect(yield* found({ all: true })).toEqual([4, 2, 3, 5, 1])
        expect(yield* found({ limit: 1, after: { ...issue(3), decidedAt: 20 } })).toEqual([5])
        expect(yield* found({ waits: "limit", owner: "ACME" })).toEqual([3, 5])
        expect(yield* found({ repo: "deck" })).toEqual([])
        expect(yield* found({ text: "TITLE OF 3" })).toEqual([3])
        expect(yield* found({ text: "acme/cellar#5" })).toEqual([5])
        expect(yield* found({ text: "reason 1" })).toEqual([1])
        expect(yield* found({ text: "%" })).toEqual([2, 3, 5, 1])
        expect(yield* found({ text: "_%" })).toEqual([])
        expect(yield* found({ phase: "frozen" })).toEqual([])
        expect(yield* states.count).toEqual({ idle: 4, running: 0, frozen: 0, destroyed: 0 })
        yield* (yield* Inbox).accept(hint("bad", issue(4)))
        yield* (yield* Inbox).failed([hintId("bad")], "broken", 1)
        expect(yield* found()).toEqual([4, 2, 3, 5, 1])
      }),
    )

    check(
      "keeps a title until another is known, and no more than 255 characters of it",
      Effect.gen(function* () {
        const states = yield* IssueStates
        yield* states.commit(commit(waits(1), { title: "x".repeat(300) }))
        yield* states.commit(commit(waits(2)))
        expect((yield* states.search({ limit: 1, all: true }))[0]?.title).toBe("x".repeat(255))
      }),
    )

    check(
      "lists the runs of an issue with what each used, the newest first, and sums use by day, repository and issue",
      Effect.gen(function* () {
        const { commit: store } = yield* IssueStates
        const operations = yield* Operations
        const one = operationId(issue(), { generation: 1, step: 1 })
        const two = operationId(issue(), { generation: 1, step: 2 })
        const day = Day.make("2026-11-20")
        yield* store(commit(begins(1, launch)))
        yield* operations.start(one, started)
        const use = { run: RunNumber.make(1), day, seconds: 60, tokens: 1000, cost: 100 }
        yield* operations.finish(one, { at: 6000, usage: use })
        yield* store(commit(begins(2, launch)))
        yield* operations.start(two, { ...started, run: RunNumber.make(2) })
        const runs = yield* operations.runs(issue(), { limit: 5 })
        expect(runs.map(({ operation, use }) => [operation.started?.run, use])).toEqual([
          [2, null],
          [1, use],
        ])
        expect((yield* operations.runs(issue(), { limit: 5, after: { id: two } })).length).toBe(1)
        expect(yield* operations.runs(issue(18), { limit: 5 })).toEqual([])
        const { sums } = yield* Usage
        const total = { runs: 1, seconds: 60, tokens: 1000, cost: 100, unpriced: 0 }
        const nothing = { day: null, owner: null, repo: null, issueNumber: null }
        const range = { from: day, to: day, limit: 5 }
        expect(yield* sums({ by: "day", ...range })).toEqual([{ ...nothing, ...total, day }])
        expect(yield* sums({ by: "repository", ...range, owner: "ACME" })).toEqual([
          { ...nothing, ...total, owner: "acme", repo: "cellar" },
        ])
        expect(yield* sums({ by: "issue", ...range })).toEqual([
          { ...nothing, ...total, owner: "acme", repo: "cellar", issueNumber: 17 },
        ])
        expect(yield* sums({ by: "day", ...range, from: Day.make("2026-11-21"), to: day })).toEqual([])
      }),
    )
  })
}
