/** What every IssueStates does, whatever keeps its rows. */
import { describe, expect, it } from "@effect/vitest"
import { Array as Arr, Effect, type Layer, Option } from "effect"
import { newIssueState, retried, type IssueState } from "../../src/domain/orchestrator/IssueState.ts"
import { operationId } from "../../src/domain/orchestrator/IssueKey.ts"
import type { Operation } from "../../src/domain/orchestrator/Operation.ts"
import { StoredIssue } from "../../src/domain/orchestrator/StoredIssue.ts"
import { HostName } from "../../src/domain/orchestrator/StoredOperation.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { Operations } from "../../src/services/Operations.ts"
import { begins, commit, hint, hintId, host, issue, stop, waits } from "../support/life.ts"

const full: IssueState = {
  version: 1,
  generation: 3,
  step: 4,
  settled: 3,
  phase: "frozen",
  reason: "ada spoke on #18 \u{1f37e}",
  nextAt: 12_345,
  live: true,
  targeting: 77,
  over: 11_000,
  away: true,
  digest: "d1",
  given: "d2",
  allowance: { seconds: 60 },
  consumed: [
    { kind: "comment", id: 1, updatedAt: 100 },
    { kind: "review", id: 1, updatedAt: 200 },
  ],
  failures: { of: "launch 77", count: 2, notBefore: 13_000, problem: "no engine" },
  frozen: { cause: "provider", run: 2, until: 14_000 },
  machineResumes: 1,
  providerStops: 2,
  failedHeads: ["c0ffee", "decaf"],
  conflictHeads: ["babe"],
  feedback: 3,
  conflict: { head: "babe", base: "beef", since: 9000 },
  setAside: "by an operator",
}

const start = {
  reason: "it is targeted",
  consumes: full.consumed,
  text: { digest: "d", edited: true, changed: false, editors: ["ada"] },
  allowance: { seconds: 3600, cost: 1.5 },
  targeting: 77,
}
const operations: ReadonlyArray<Operation> = [
  { _tag: "Launch", ...start, agent: "carpenter", bottles: ["node22"] },
  { _tag: "Resume", ...start, cause: "checks", head: { pr: 18, sha: "c0ffee" } },
  stop,
  { _tag: "Freeze", reason: "done", cause: "provider", run: 2, until: 14_000 },
  { _tag: "Destroy", reason: "merged", cause: "merged", over: 15_000 },
]

type All = Inbox | IssueStates | Operations

/** Runs the suite over a layer that is empty each time it is built. */
export const issueStatesContract = (name: string, fresh: Layer.Layer<All, unknown>) => {
  const check = <E>(title: string, effect: Effect.Effect<void, E, All>) =>
    it.effect(title, () => Effect.provide(effect, fresh))

  describe(`IssueStates over ${name}`, () => {
    check(
      "gives back none for an issue that was never looked at",
      Effect.gen(function* () {
        const states = yield* IssueStates
        expect(yield* states.get(issue())).toEqual(Option.none())
        expect(yield* states.revise(issue(), retried)).toEqual(Option.none())
        expect(yield* states.all({ limit: 10 })).toEqual([])
      }),
    )

    check(
      "gives back the whole state, its rule and what it waits for",
      Effect.gen(function* () {
        const states = yield* IssueStates
        const result = yield* states.commit(commit(waits(1, full)))
        const row = Option.getOrThrow(yield* states.get(issue()))
        expect(row).toBeInstanceOf(StoredIssue)
        expect(row).toEqual(
          new StoredIssue({ ...issue(), state: full, rule: "rest", waits: "person", decidedAt: 5000 }),
        )
        expect(result).toEqual({ _tag: "Committed", issue: row })
      }),
    )

    check(
      "stores an operation of each kind whole, beside the state, under the id of its generation and step",
      Effect.gen(function* () {
        const [states, stored] = [yield* IssueStates, yield* Operations]
        for (const [index, input] of operations.entries()) {
          const version = index + 1
          const result = yield* states.commit(commit(begins(version, input), { at: 5000 + index }))
          const id = operationId(issue(), { generation: 1, step: version })
          expect(id).toBe(`https://git.example/api/v1/acme/cellar#17/1/${version}`)
          const operation = Option.getOrThrow(yield* stored.get(id))
          expect(operation).toMatchObject({ id, ...issue(), generation: 1, step: version, host, input })
          expect(operation).toMatchObject({ state: "open", problem: null, started: null, endedAt: null })
          expect(operation.createdAt).toBe(5000 + index)
          expect(result).toMatchObject({ _tag: "Committed", operation })
          expect(yield* stored.newest(issue())).toEqual(Option.some(operation))
          expect(Option.getOrThrow(yield* states.get(issue()))).toMatchObject({ waits: null, rule: "test" })
          yield* stored.finish(id, { at: 1 })
        }
      }),
    )

    check(
      "handles the hints of a decision with it, and no others",
      Effect.gen(function* () {
        const [states, inbox] = [yield* IssueStates, yield* Inbox]
        yield* Effect.forEach(["seen", "later"], (name) => inbox.accept(hint(name)))
        yield* inbox.accept(hint("pr", issue(18)))
        yield* states.commit(commit(waits(1), { handled: ["seen", "pr", "unknown"].map(hintId) }))
        expect((yield* inbox.open(issue())).map(({ id }) => id)).toEqual(["later"])
        expect(yield* inbox.open(issue(18))).toEqual([])
      }),
    )

    check(
      "tells the loser of a version, and stores nothing of it",
      Effect.gen(function* () {
        const [states, inbox, stored] = [yield* IssueStates, yield* Inbox, yield* Operations]
        yield* inbox.accept(hint("seen"))
        expect(yield* states.commit(commit(waits(2)))).toEqual({ _tag: "Outdated", version: 0 })
        expect(yield* states.get(issue())).toEqual(Option.none())
        yield* states.commit(commit(waits(1, { reason: "winner" })))
        const before = yield* states.get(issue())
        for (const version of [0, 1, 3]) {
          const loser = commit(begins(version, stop, { reason: "loser" }), { handled: [hintId("seen")] })
          expect(yield* states.commit(loser)).toEqual({ _tag: "Outdated", version: 1 })
        }
        expect(yield* states.get(issue())).toEqual(before)
        expect(yield* stored.newest(issue())).toEqual(Option.none())
        expect((yield* inbox.open(issue())).length).toBe(1)
      }),
    )

    check(
      "begins no operation while one of the issue is open, and stores nothing of the attempt",
      Effect.gen(function* () {
        const [states, inbox, stored] = [yield* IssueStates, yield* Inbox, yield* Operations]
        yield* inbox.accept(hint("seen"))
        yield* states.commit(commit(begins(1)))
        const before = yield* states.get(issue())
        const first = Option.getOrThrow(yield* stored.newest(issue()))
        const second = commit(begins(2), { handled: [hintId("seen")], host: HostName.make("host-b") })
        const refused = { _tag: "OperationExists", operation: first.id }
        expect(yield* states.commit(second)).toEqual(refused)
        expect(yield* states.commit({ ...second, issue: issue(17, { owner: "ACME" }) })).toEqual(refused)
        expect(yield* states.get(issue())).toEqual(before)
        expect(yield* stored.newest(issue())).toEqual(Option.some(first))
        expect((yield* inbox.open(issue())).length).toBe(1)
        expect((yield* states.commit(commit(begins(1), { issue: issue(18) })))._tag).toBe("Committed")
        expect((yield* states.commit(commit(waits(2))))._tag).toBe("Committed")
        yield* stored.finish(first.id, { at: 1 })
        expect((yield* states.commit(commit(begins(3))))._tag).toBe("Committed")
      }),
    )

    check(
      "begins no operation twice under one id",
      Effect.gen(function* () {
        const [states, stored] = [yield* IssueStates, yield* Operations]
        yield* states.commit(commit(begins(1, stop, { step: 7 })))
        const { id } = Option.getOrThrow(yield* stored.newest(issue()))
        const ended = yield* stored.finish(id, { at: 1 })
        const again = yield* states.commit(commit(begins(2, stop, { step: 7 })))
        expect(again).toEqual({ _tag: "OperationExists", operation: id })
        expect(yield* stored.get(id)).toEqual(ended)
      }),
    )

    check(
      "lets one of fifty commits over a version win",
      Effect.gen(function* () {
        const states = yield* IssueStates
        const results = yield* Effect.forEach(
          Arr.range(1, 50),
          (n) => states.commit(commit(begins(1, stop, { reason: `${n}` }))),
          { concurrency: "unbounded" },
        )
        const won = results.filter(({ _tag }) => _tag === "Committed")
        expect(won.length).toBe(1)
        const row = Option.getOrThrow(yield* states.get(issue()))
        expect(won).toMatchObject([{ issue: row }])
      }),
    )

    check(
      "is one issue, whatever the spelling of its names",
      Effect.gen(function* () {
        const states = yield* IssueStates
        yield* states.commit(commit(waits(1)))
        const shout = issue(17, { owner: "ACME", repo: "CELLAR" })
        expect((yield* states.commit(commit(waits(1), { issue: shout })))._tag).toBe("Outdated")
        yield* states.commit(commit(waits(2), { issue: shout }))
        expect(yield* states.all({ limit: 10 })).toMatchObject([{ ...shout, state: { version: 2 } }])
        expect(Option.isSome(yield* states.get(issue()))).toBe(true)
      }),
    )

    check(
      "lets a change by hand outdate a decision under way",
      Effect.gen(function* () {
        const states = yield* IssueStates
        yield* states.commit(commit(waits(1, { ...full, version: 1 })))
        const changed = yield* states.revise(issue(), (state) => ({ ...retried(state), version: 99 }))
        expect(changed).toEqual(yield* states.get(issue()))
        expect(Option.getOrThrow(changed).state).toEqual({
          ...full,
          version: 2,
          failures: null,
          setAside: null,
          nextAt: null,
        })
        expect(yield* states.commit(commit(waits(2)))).toEqual({ _tag: "Outdated", version: 2 })
        expect(yield* states.due(1e15, { limit: 10 })).toEqual([])
      }),
    )

    check(
      "finds what is due, by time and by page",
      Effect.gen(function* () {
        const states = yield* IssueStates
        const times: ReadonlyArray<readonly [number, number | null]> = [
          [1, 3000],
          [2, null],
          [3, 1000],
          [4, 1000],
          [5, 3000.5],
          [6, 999],
        ]
        for (const [number, nextAt] of times)
          yield* states.commit(commit(waits(1, { nextAt }), { issue: issue(number) }))
        const due = (now: number) =>
          Effect.map(states.due(now, { limit: 10 }), (rows) => rows.map((row) => row.issueNumber))
        expect(yield* due(998)).toEqual([])
        expect(yield* due(1000)).toEqual([6, 3, 4])
        expect(yield* due(3000)).toEqual([6, 3, 4, 1])
        const pages = yield* Effect.iterate([[] as ReadonlyArray<StoredIssue>], {
          while: (pages) => pages.length === 1 || pages.at(-1)?.length === 2,
          body: (pages) => {
            const after = pages.at(-1)?.at(-1)
            return Effect.map(states.due(3000, { limit: 2, ...(after && { after }) }), (page) => [
              ...pages,
              page,
            ])
          },
        })
        expect(pages.slice(1).map((page) => page.map((row) => row.issueNumber))).toEqual([[6, 3], [4, 1], []])
        expect(yield* due(3001)).toEqual([6, 3, 4, 1, 5])
        yield* states.commit(commit(waits(2, { nextAt: 4000 }), { issue: issue(3) }))
        yield* states.commit(commit(waits(2, { nextAt: null }), { issue: issue(6) }))
        expect(yield* due(3000)).toEqual([4, 1])
      }),
    )

    check(
      "lists all issues by forge, owner, repository and number, by page",
      Effect.gen(function* () {
        const states = yield* IssueStates
        const rows = [
          issue(9, { forge: "http://a/api/v1", owner: "z" }),
          issue(9, { owner: "A-b" }),
          issue(2, { owner: "a_b" }),
          issue(10, { owner: "a_b" }),
          issue(1, { owner: "a_b", repo: "Deck" }),
          issue(1, { owner: "B" }),
        ]
        yield* Effect.forEach(rows.toReversed(), (each) => states.commit(commit(waits(1), { issue: each })))
        const all = yield* states.all({ limit: 10 })
        expect(all).toMatchObject(rows)
        const [, , third] = rows
        expect(yield* states.all({ limit: 2, ...(third && { after: third }) })).toEqual(all.slice(3, 5))
      }),
    )

    check(
      "finds what waits for something, and what has a bottle, by page and as of the last decision",
      Effect.gen(function* () {
        const states = yield* IssueStates
        const store = (number: number, ...decision: Parameters<typeof waits>) =>
          states.commit(commit(waits(...decision), { issue: issue(number) }))
        for (const number of [3, 1, 2]) yield* store(number, 1, { live: number > 1 }, "limit")
        yield* store(4, 1, { live: true }, "dependencies")
        yield* states.commit(commit(begins(1), { issue: issue(5) }))
        const numbers = (rows: ReadonlyArray<StoredIssue>) => rows.map((row) => row.issueNumber)
        const waiting = (kind: string) => Effect.map(states.waiting(kind, { limit: 10 }), numbers)
        expect(yield* waiting("limit")).toEqual([1, 2, 3])
        expect(yield* waiting("dependencies")).toEqual([4])
        expect(yield* waiting("turn")).toEqual([])
        expect(numbers(yield* states.waiting("limit", { limit: 1, after: issue(1) }))).toEqual([2])
        expect(numbers(yield* states.live({ limit: 10 }))).toEqual([2, 3, 4])
        expect(numbers(yield* states.live({ limit: 1, after: issue(2) }))).toEqual([3])
        yield* store(2, 2, { live: false }, "turn")
        yield* states.commit(commit(begins(2), { issue: issue(1) }))
        expect(yield* waiting("limit")).toEqual([3])
        expect(yield* waiting("turn")).toEqual([2])
        expect(numbers(yield* states.live({ limit: 10 }))).toEqual([3, 4])
      }),
    )

    check(
      "is as it was, and usable, after a change that blew up",
      Effect.gen(function* () {
        const states = yield* IssueStates
        yield* states.commit(commit(waits(1)))
        const before = yield* states.get(issue())
        yield* Effect.exit(
          states.revise(issue(), () => {
            throw new Error("a bug of the caller")
          }),
        )
        expect(yield* states.get(issue())).toEqual(before)
        expect(Option.getOrThrow(before).state).toEqual({ ...newIssueState, generation: 1, version: 1 })
        expect((yield* states.commit(commit(waits(2))))._tag).toBe("Committed")
      }),
    )
  })
}
