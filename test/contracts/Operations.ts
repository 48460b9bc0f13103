/** What every Operations does, whatever keeps its rows. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer, Option } from "effect"
import { operationHintId } from "../../src/domain/orchestrator/InboxHint.ts"
import { OperationId, RunNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import {
  HostName,
  observedOperation,
  type OperationEnd,
  StoredOperation,
} from "../../src/domain/orchestrator/StoredOperation.ts"
import { Day } from "../../src/domain/orchestrator/Usage.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { Operations } from "../../src/services/Operations.ts"
import { Usage } from "../../src/services/Usage.ts"
import { begins, commit, host, issue, stop } from "../support/life.ts"

type All = Inbox | IssueStates | Operations | Usage

const started = (slug: string, run: number) => ({ slug: Slug.make(slug), run: RunNumber.make(run) })
const usage: Required<OperationEnd>["usage"] = {
  run: RunNumber.make(2),
  day: Day.make("2026-11-20"),
  seconds: 60,
  tokens: 1000,
  cost: 250_000,
}
const counted = { runs: 1, seconds: 60, tokens: 1000, cost: 250_000, unpriced: 0 }
const unknown = OperationId.make("https://git.example/api/v1/acme/cellar#17/9/9")

/** Begins an operation of that version on an issue, and gives back its row. */
const begin = Effect.fnUntraced(function* (version = 1, number = 17, on = host) {
  const states = yield* IssueStates
  const result = yield* states.commit(commit(begins(version), { issue: issue(number), host: on }))
  return result._tag === "Committed" && result.operation !== undefined
    ? result.operation
    : yield* Effect.dieMessage(`not begun: ${result._tag}`)
})

/** Runs the suite over a layer that is empty each time it is built. */
export const operationsContract = (name: string, fresh: Layer.Layer<All, unknown>) => {
  const check = <E>(title: string, effect: Effect.Effect<void, E, All>) =>
    it.effect(title, () => Effect.provide(effect, fresh))

  describe(`Operations over ${name}`, () => {
    check(
      "knows nothing that was not begun",
      Effect.gen(function* () {
        const operations = yield* Operations
        expect(yield* operations.get(unknown)).toEqual(Option.none())
        expect(yield* operations.newest(issue())).toEqual(Option.none())
        expect(yield* operations.start(unknown, started("fix-abcde", 1))).toEqual(Option.none())
        expect(yield* operations.finish(unknown, { at: 1, usage })).toEqual(Option.none())
        expect(yield* (yield* Usage).total({})).toMatchObject({ runs: 0 })
        expect(yield* (yield* Inbox).waiting({ limit: 10 })).toEqual([])
      }),
    )

    check(
      "lists the open ones of a host in the order in which they began, by page",
      Effect.gen(function* () {
        const operations = yield* Operations
        const other = HostName.make("host-b")
        const rows = [
          yield* begin(1, 30),
          yield* begin(1, 10),
          yield* begin(1, 40, other),
          yield* begin(1, 20),
          yield* begin(1, 50),
        ]
        yield* operations.finish(rows[1]?.id ?? unknown, { at: 1 })
        const open = yield* operations.open(host, { limit: 10 })
        expect(open).toEqual([rows[0], rows[3], rows[4]])
        expect(open[0]).toBeInstanceOf(StoredOperation)
        const [first] = open
        expect(yield* operations.open(host, { limit: 1, ...(first && { after: first }) })).toEqual([rows[3]])
        expect(yield* operations.open(other, { limit: 10 })).toEqual([rows[2]])
      }),
    )

    check(
      "keeps the run that was noted first, also once it has ended",
      Effect.gen(function* () {
        const operations = yield* Operations
        const { id } = yield* begin()
        const first = Option.some({ started: started("fix-abcde", 1), state: "open" })
        expect(yield* operations.start(id, started("fix-abcde", 1))).toMatchObject(first)
        expect(yield* operations.start(id, started("fix-fghij", 2))).toMatchObject(first)
        expect(yield* operations.get(id)).toMatchObject(first)
        yield* operations.finish(id, { at: 1 })
        expect(yield* operations.get(id)).toMatchObject(Option.some({ started: started("fix-abcde", 1) }))
        const next = yield* begin(2)
        yield* operations.finish(next.id, { at: 1 })
        expect(yield* operations.start(next.id, started("fix-abcde", 2))).toMatchObject(
          Option.some({ started: null, state: "done" }),
        )
      }),
    )

    check(
      "ends one once: what came of it first stays, its run counts once, and its issue is hinted at once",
      Effect.gen(function* () {
        const [operations, inbox] = [yield* Operations, yield* Inbox]
        const operation = yield* begin()
        const ended = Option.some(
          new StoredOperation({ ...operation, state: "failed", problem: "no engine", endedAt: 7000 }),
        )
        expect(yield* operations.finish(operation.id, { at: 7000, problem: "no engine", usage })).toEqual(
          ended,
        )
        const again = { at: 8000, usage: { ...usage, run: RunNumber.make(3) } }
        expect(yield* operations.finish(operation.id, again)).toEqual(ended)
        expect(yield* operations.get(operation.id)).toEqual(ended)
        expect(yield* operations.open(host, { limit: 10 })).toEqual([])
        expect(yield* (yield* Usage).total({})).toEqual(counted)
        expect(yield* inbox.open(issue())).toMatchObject([
          { id: operationHintId(operation.id), kind: "operation", receivedAt: 7000 },
        ])
      }),
    )

    check(
      "counts a run once that two operations end",
      Effect.gen(function* () {
        const operations = yield* Operations
        yield* operations.finish((yield* begin(1)).id, { at: 1, usage })
        yield* operations.finish((yield* begin(2)).id, { at: 2, usage: { ...usage, seconds: 99 } })
        expect(yield* (yield* Usage).total(issue())).toEqual(counted)
      }),
    )

    check(
      "gives back the one that began last, as the rules look at it",
      Effect.gen(function* () {
        const operations = yield* Operations
        const first = yield* begin(1)
        yield* operations.finish(first.id, { at: 7000, problem: "no engine" })
        expect(Option.map(yield* operations.newest(issue()), observedOperation)).toEqual(
          Option.some({
            generation: 1,
            step: 1,
            input: stop,
            state: "failed",
            problem: "no engine",
            endedAt: 7000,
          }),
        )
        yield* begin(2)
        yield* begin(1, 18)
        expect(Option.map(yield* operations.newest(issue()), observedOperation)).toEqual(
          Option.some({ generation: 1, step: 2, input: stop, state: "open" }),
        )
      }),
    )
  })
}
