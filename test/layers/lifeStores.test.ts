/** The orchestrator's stores keep their contracts in memory and in SQLite, and answer alike whatever is asked in whatever order. */
import { expect, it } from "@effect/vitest"
import { Context, Effect, FastCheck, Layer, Option, Struct } from "effect"
import { join } from "node:path"
import { HintId, type InboxRow } from "../../src/domain/orchestrator/InboxHint.ts"
import { IssueNumber, operationId, RunNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import { HostName } from "../../src/domain/orchestrator/StoredOperation.ts"
import { Day, RunUsage } from "../../src/domain/orchestrator/Usage.ts"
import { Slug } from "../../src/domain/Slug.ts"
import * as MemoryLifeStores from "../../src/layers/memory/MemoryLifeStores.ts"
import { History } from "../../src/services/History.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import { Operations } from "../../src/services/Operations.ts"
import { Usage } from "../../src/services/Usage.ts"
import { historyContract } from "../contracts/History.ts"
import { inboxContract } from "../contracts/Inbox.ts"
import { issueStatesContract } from "../contracts/IssueStates.ts"
import { operationsContract } from "../contracts/Operations.ts"
import { usageContract } from "../contracts/Usage.ts"
import { begins, commit, hint, hintId, host, issue, stop, waits } from "../support/life.ts"
import { stores } from "../support/lifeStores.ts"
import { tempDir } from "../support/tempDir.ts"

const onDisk = Layer.unwrapScoped(
  Effect.map(tempDir, (dir) => stores({ filename: join(dir, "home", "bot-bottle.db") })),
)

for (const [name, layer] of [
  ["memory", MemoryLifeStores.layer],
  ["SQLite", onDisk],
] as const) {
  historyContract(name, layer)
  inboxContract(name, layer)
  issueStatesContract(name, layer)
  operationsContract(name, layer)
  usageContract(name, layer)
}

type All = History | Inbox | IssueStates | Operations | Usage

/** Small numbers, so that steps meet. `n` picks an issue, the others pick among what there may be of it. */
const anyStep = FastCheck.record({
  call: FastCheck.constantFrom(
    "accept",
    "handle",
    "failed",
    "route",
    "reopen",
    "forget",
    "commit",
    "commit",
    "commit",
    "revise",
    "start",
    "finish",
    "record",
    "due",
  ),
  n: FastCheck.integer({ min: 1, max: 3 }),
  owner: FastCheck.constantFrom("acme", "ACME", "other"),
  id: FastCheck.integer({ min: 1, max: 6 }),
  /** Added to the version there is: 0 is right. */
  off: FastCheck.constantFrom(0, 0, 0, 0, -1, 1),
  operates: FastCheck.boolean(),
  time: FastCheck.integer({ min: 0, max: 5 }),
})
type Step = typeof anyStep extends FastCheck.Arbitrary<infer A> ? A : never

const perform = Effect.fnUntraced(function* ({ call, n, owner, id, off, operates, time }: Step) {
  const [inbox, states, operations, usage] = [
    yield* Inbox,
    yield* IssueStates,
    yield* Operations,
    yield* Usage,
  ]
  const about = issue(n, { owner })
  const ids = [hintId(`hint-${id}`), hintId(`hint-${(id % 6) + 1}`)]
  const current = Option.map(yield* states.get(about), ({ state }) => state)
  const version = Option.match(current, { onNone: () => 0, onSome: (state) => state.version }) + 1
  const operation = operationId(about, { generation: 1, step: Math.max(1, version - id) })
  const use = {
    run: RunNumber.make(id),
    day: Day.make(`2026-11-2${time}`),
    seconds: time,
    tokens: n,
    cost: operates ? time : null,
  }
  switch (call) {
    case "accept":
      return yield* inbox.accept(
        hint(`hint-${id}`, { ...about, ...(time === 0 && { issueNumber: null }), receivedAt: time }),
      )
    case "handle":
      return yield* inbox.handle(ids, time)
    case "failed":
      return (yield* inbox.failed(ids, `problem ${time}`, 2)).toSorted()
    case "route":
      return yield* inbox.route(hintId(`hint-${id}`), [IssueNumber.make(n), IssueNumber.make(id)], time)
    case "reopen":
      return yield* inbox.reopen(about)
    case "forget":
      return yield* inbox.forget(time)
    case "commit": {
      const next = { nextAt: time === 0 ? null : time, failedHeads: [`head-${id}`] }
      const decision = operates ? begins(version + off, stop, next) : waits(version + off, next)
      return yield* states.commit(
        commit(decision, { issue: about, handled: ids, at: time, ...(id > 3 && { title: `Title ${id}` }) }),
      )
    }
    case "revise":
      return yield* states.revise(about, (state) => ({ ...state, nextAt: time }))
    case "start":
      return yield* operations.start(operation, { slug: Slug.make(`fix-${id}`), run: RunNumber.make(id) })
    case "finish":
      return yield* operations.finish(operation, {
        at: time,
        ...(off === 0 && { usage: use }),
        ...(off === 1 && { problem: `problem ${time}` }),
      })
    case "record":
      return yield* usage.record(new RunUsage({ ...about, generation: 1, ...use }))
    case "due":
      return yield* states.due(time, { limit: id })
  }
})

/** Places in the order of arrival, without the numbers, which may have gaps. */
const inOrder = (rows: ReadonlyArray<InboxRow>) => rows.map((row) => Struct.omit(row, "seq"))

const everything = Effect.gen(function* () {
  const [inbox, states, operations, usage] = [
    yield* Inbox,
    yield* IssueStates,
    yield* Operations,
    yield* Usage,
  ]
  const page = { limit: 100 }
  const keys = ["acme", "other"].flatMap((owner) => [1, 2, 3].map((n) => issue(n, { owner })))
  return {
    waiting: inOrder(yield* inbox.waiting(page)),
    unrouted: inOrder(yield* inbox.unrouted(page)),
    aside: inOrder(yield* inbox.setAside(page)),
    open: (yield* Effect.forEach(keys, inbox.open)).map(inOrder),
    states: yield* states.all(page),
    due: yield* states.due(3, page),
    operations: yield* operations.open(host, page),
    others: yield* operations.open(HostName.make("host-b"), page),
    newest: yield* Effect.forEach(keys, operations.newest),
    usage: yield* Effect.forEach(keys, usage.total),
    sums: yield* Effect.forEach(["day", "repository", "issue"] as const, (by) =>
      usage.sums({ by, from: Day.make("2026-11-21"), to: Day.make("2026-11-24"), limit: 4 }),
    ),
    history: yield* (yield* History).all({ limit: 200 }),
    timelines: yield* Effect.forEach(keys, (key) => History.pipe(Effect.flatMap(({ of }) => of(key, page)))),
    found: yield* Effect.forEach(
      [{}, { all: true }, { all: true, owner: "Acme" }, { text: "ITLE 5" }, { waits: "person", all: true }],
      (search) => states.search({ limit: 3, ...search }),
    ),
    counted: yield* states.count,
    runs: yield* Effect.forEach(keys, (key) => operations.runs(key, { limit: 2 })),
    known: yield* Effect.forEach([1, 2, 3, 4, 5, 6], (n) =>
      inbox.accept(hint(`hint-${n}`, { id: HintId.make(`hint-${n}`) })),
    ),
  }
})

it.effect.prop(
  "memory and SQLite answer alike over any history",
  [FastCheck.array(anyStep, { minLength: 10, maxLength: 60 })],
  ([steps]) =>
    Effect.gen(function* () {
      const filename = join(yield* tempDir, "bot-bottle.db")
      const history = Effect.forEach(steps, perform)
      const both: ReadonlyArray<Context.Context<All>> = [
        yield* Layer.build(MemoryLifeStores.layer),
        yield* Layer.build(stores({ filename })),
      ]
      const [memory, sqlite] = yield* Effect.forEach(both, (context) =>
        Effect.provide(Effect.all([history, everything]), context),
      )
      expect(sqlite).toEqual(memory)
    }).pipe(Effect.scoped),
  { fastCheck: { numRuns: 60 } },
)
