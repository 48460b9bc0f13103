/** The orchestrator's tables in a file: how they come into an older database, and what is read back from rows of other versions. */
import { expect, it, vi } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Layer, Option } from "effect"
import { join } from "node:path"
import { newIssueState } from "../../../src/domain/orchestrator/IssueState.ts"
import * as Database from "../../../src/layers/sqlite/Database.ts"
import { migrations } from "../../../src/layers/sqlite/migrations.ts"
import * as SqliteBottleStore from "../../../src/layers/sqlite/SqliteBottleStore.ts"
import * as SqliteForgeStateStore from "../../../src/layers/sqlite/SqliteForgeStateStore.ts"
import * as SqliteVerificationStore from "../../../src/layers/sqlite/SqliteVerificationStore.ts"
import { BottleStore } from "../../../src/services/BottleStore.ts"
import { ForgeStateStore } from "../../../src/services/ForgeStateStore.ts"
import { Inbox } from "../../../src/services/Inbox.ts"
import { IssueStates } from "../../../src/services/IssueStates.ts"
import { Operations } from "../../../src/services/Operations.ts"
import { Usage } from "../../../src/services/Usage.ts"
import { VerificationStore } from "../../../src/services/VerificationStore.ts"
import { bottle } from "../../contracts/BottleStore.ts"
import { alter } from "../../support/alter.ts"
import { begins, commit, hint, hintId, issue, waits } from "../../support/life.ts"
import { stores } from "../../support/lifeStores.ts"
import { tempDir } from "../../support/tempDir.ts"

const newFile = Effect.map(tempDir, (dir) => join(dir, "bot-bottle.db"))

it.scoped("a database of schema version 3 gets the orchestrator's tables, and keeps its rows", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    const one = bottle("one-abcde")
    const key = { image: "sha256:aa", engine: "docker", version: "1" }
    alter(
      filename,
      ...migrations.slice(0, 3).flat(),
      "PRAGMA user_version = 3",
      `INSERT INTO forge_state VALUES
         ('https://git.example/api/v1', 'ada', 'engine', 17, 'fix-abcde', 'fixer', '["plain"]', 'docker', 'bot', 18, 'frozen', '2026-01-01T00:00:00Z', 1767225600000)`,
      `INSERT INTO verifications VALUES ('sha256:aa', 'docker', '1', '2026-11-20T10:00:00.000Z')`,
    )
    // The row of a bottle as this version writes it: its table has not changed since.
    yield* Effect.gen(function* () {
      yield* (yield* BottleStore).put(one)
    }).pipe(Effect.provide(Layer.fresh(SqliteBottleStore.layer({ filename: `${filename}-made` }))))
    alter(
      filename,
      `ATTACH '${filename}-made' AS made; INSERT INTO bottles SELECT * FROM made.bottles; DETACH made`,
    )

    const older = Layer.mergeAll(
      SqliteForgeStateStore.layer({ filename }),
      SqliteBottleStore.layer({ filename }),
      SqliteVerificationStore.layer({ filename }),
    )
    yield* Effect.gen(function* () {
      expect(yield* (yield* ForgeStateStore).all).toMatchObject([
        {
          owner: "ada",
          issueNumber: 17,
          bottleNames: ["plain"],
          prNumber: Option.some(18),
          status: "frozen",
        },
      ])
      expect(yield* (yield* BottleStore).all).toEqual([one])
      expect(yield* (yield* VerificationStore).passedAt(key)).toEqual(Option.some("2026-11-20T10:00:00.000Z"))
      expect(yield* (yield* Inbox).accept(hint("first"))).toBe("accepted")
      const result = yield* (yield* IssueStates).commit(commit(begins(1), { handled: [hintId("first")] }))
      expect(result._tag).toBe("Committed")
      expect(Option.isSome(yield* (yield* Operations).newest(issue()))).toBe(true)
      expect((yield* (yield* Usage).total({})).runs).toBe(0)
    }).pipe(Effect.provide(Layer.merge(older, stores({ filename }))))

    const database = new Sqlite(filename, { readonly: true })
    expect(database.pragma("user_version", { simple: true })).toBe(migrations.length)
    database.close()
  }),
)

it.scoped("what is read for each event is read by an index, however many issues there were", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    const statements: Array<string> = []
    const { prepare } = Sqlite.prototype
    const prepared = vi.spyOn(Sqlite.prototype, "prepare").mockImplementation(function (
      this: Sqlite.Database,
      text: string,
    ) {
      statements.push(text)
      return prepare.call(this, text)
    })
    yield* Effect.gen(function* () {
      const states = yield* IssueStates
      yield* states.waiting("limit", { limit: 10 })
      yield* states.live({ limit: 10 })
      const rows = yield* ForgeStateStore
      yield* rows.running
      yield* rows.ofPr({ forge: "f", owner: "o", repo: "r", prNumber: 1 })
    }).pipe(
      Effect.provide(Layer.merge(SqliteForgeStateStore.layer({ filename }), stores({ filename }))),
      Effect.ensuring(Effect.sync(() => prepared.mockRestore())),
    )
    const database = new Sqlite(filename, { readonly: true })
    const asked = statements.filter((text) => /^SELECT .*\sFROM (issue_state|forge_state)/s.test(text))
    expect(asked).toHaveLength(4)
    for (const text of asked) {
      const plan = database
        .prepare<Array<unknown>, { detail: string }>(`EXPLAIN QUERY PLAN ${text}`)
        .all(...(text.match(/\?/g) ?? []).map(() => 1))
      expect(plan.map(({ detail }) => detail).join("; ")).toMatch(
        /INDEX (issue_state_waits|issue_state_live|forge_state_running|forge_state_pr)/,
      )
    }
    database.close()
  }),
)

it.scoped("a state that was stored before a field was known has it as a new state does", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    const stored = { nextAt: 7, reason: "old" }
    const file = stores({ filename })
    yield* Effect.provide(
      Effect.flatMap(IssueStates, (states) => states.commit(commit(waits(1, stored)))),
      file,
    )
    alter(filename, `UPDATE issue_state SET state = json_remove(state, '$.feedback', '$.conflict')`)
    const found = yield* Effect.provide(
      Effect.flatMap(IssueStates, (states) => states.get(issue())),
      file,
    )
    expect(Option.map(found, ({ state }) => state)).toEqual(
      Option.some({ ...newIssueState, generation: 1, version: 1, ...stored }),
    )
  }),
)

it.scoped("a row that another version wrote is an error that names it, and is not written over", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    const file = stores({ filename })
    yield* Effect.gen(function* () {
      yield* (yield* Inbox).accept(hint("first"))
      yield* (yield* IssueStates).commit(commit(begins(1)))
    }).pipe(Effect.provide(file))
    alter(
      filename,
      `UPDATE issue_state SET state = json_set(state, '$.phase', 'asleep')`,
      `UPDATE operations SET input = '{"_tag":"Teleport"}'`,
      `UPDATE inbox SET kind = 'rumour'`,
    )
    yield* Effect.gen(function* () {
      const [inbox, states, operations] = [yield* Inbox, yield* IssueStates, yield* Operations]
      const failures = yield* Effect.all(
        [
          states.get(issue()),
          states.commit(commit(waits(2))),
          states.revise(issue(), (state) => state),
          operations.newest(issue()),
          inbox.open(issue()),
        ].map((each: Effect.Effect<unknown, { readonly message: string }>) => Effect.flip(each)),
      )
      for (const { message } of failures) {
        expect(message).toContain("acme/cellar#17 was written by another version")
        expect(message).not.toMatch(/asleep|Teleport|rumour/)
      }
      expect(yield* inbox.accept(hint("first"))).toBe("known")
    }).pipe(Effect.provide(file))
  }),
)

it.scoped("the disk is flushed for each durable transaction, and for no other", () =>
  Effect.gen(function* () {
    const database = yield* Database.Database
    const level = (run: Parameters<Parameters<typeof database.immediate>[1]>[0]) =>
      Effect.map(run("SELECT synchronous FROM pragma_synchronous"), (rows) => rows[0]?.["synchronous"])
    const [full, normal] = [2, 1]
    for (const _ of [1, 2, 3]) {
      expect(yield* database.durable("test", level)).toBe(full)
      expect(yield* database.immediate("test", level)).toBe(normal)
      yield* Effect.exit(database.durable("test", () => Effect.fail("no")))
      expect(yield* level(database.run("test"))).toBe(normal)
    }
  }).pipe(
    Effect.provide(Layer.unwrapScoped(Effect.map(newFile, (filename) => Database.layer({ filename })))),
  ),
)

it.scoped("accepting a hint and deciding flush the disk", () =>
  Effect.gen(function* () {
    const filename = yield* newFile
    const prepared = vi.spyOn(Sqlite.prototype, "prepare")
    const levels = () => {
      const texts = prepared.mock.calls.map(([text]) => text).filter((text) => /synchronous/.test(text))
      prepared.mockClear()
      return texts
    }
    const flushed = ["PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"]
    yield* Effect.gen(function* () {
      const [inbox, states, operations] = [yield* Inbox, yield* IssueStates, yield* Operations]
      expect(levels()).toEqual(["PRAGMA synchronous = NORMAL"])
      yield* Effect.forEach(["a", "b"], (name) => inbox.accept(hint(name)), { concurrency: "unbounded" })
      expect(levels()).toEqual(flushed)
      yield* states.commit(commit(begins(1), { handled: [hintId("a")] }))
      expect(levels()).toEqual(flushed)
      yield* operations.newest(issue())
      expect(levels()).toEqual([])
    }).pipe(Effect.provide(stores({ filename })), Effect.ensuring(Effect.sync(() => prepared.mockRestore())))
  }),
)
