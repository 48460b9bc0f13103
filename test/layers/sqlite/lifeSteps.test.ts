/** A death between any two statements: what lies on the disk then is all of a change, or nothing of it. */
import { expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Option } from "effect"
import { copyFileSync, existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { IssueNumber, RunNumber } from "../../../src/domain/orchestrator/IssueKey.ts"
import { retried } from "../../../src/domain/orchestrator/IssueState.ts"
import { Day } from "../../../src/domain/orchestrator/Usage.ts"
import { Inbox } from "../../../src/services/Inbox.ts"
import { IssueStates } from "../../../src/services/IssueStates.ts"
import { Operations } from "../../../src/services/Operations.ts"
import { Usage } from "../../../src/services/Usage.ts"
import { begins, commit, hint, hintId, issue } from "../../support/life.ts"
import { stores } from "../../support/lifeStores.ts"
import { tempDir } from "../../support/tempDir.ts"

type All = Inbox | IssueStates | Operations | Usage

const usage = { run: RunNumber.make(1), day: Day.make("2026-11-20"), seconds: 1, tokens: 1, cost: 1 }

/** What changes the rows, one after the other, each in one transaction. */
const changes: Readonly<Record<string, Effect.Effect<unknown, unknown, All>>> = {
  "accepting three hints at once": Effect.flatMap(Inbox, (inbox) =>
    Effect.forEach(
      [hint("a"), hint("b"), hint("status", { issueNumber: null })],
      (each) => inbox.accept(each),
      { concurrency: "unbounded" },
    ),
  ),
  "routing one": Effect.flatMap(Inbox, (inbox) =>
    inbox.route(hintId("status"), [IssueNumber.make(17), IssueNumber.make(18)], 1),
  ),
  "a decision": Effect.flatMap(IssueStates, (states) =>
    states.commit(
      commit(begins(1, undefined, { phase: "running", nextAt: 1 }), { handled: ["a", "b"].map(hintId) }),
    ),
  ),
  "the end of its operation": Effect.gen(function* () {
    const operations = yield* Operations
    const { id } = Option.getOrThrow(yield* operations.newest(issue()))
    return yield* operations.finish(id, { at: 9000, usage })
  }),
  "a change by hand": Effect.flatMap(IssueStates, (states) => states.revise(issue(), retried)),
}

/** All rows that these changes touch. */
const rows = Effect.gen(function* () {
  const [inbox, states, operations] = [yield* Inbox, yield* IssueStates, yield* Operations]
  const page = { limit: 100 }
  return {
    open: [yield* inbox.open(issue()), yield* inbox.open(issue(18)), yield* inbox.unrouted(page)],
    states: yield* states.all(page),
    operation: yield* operations.newest(issue()),
    usage: yield* (yield* Usage).total({}),
  }
})

/** While it is in place, `look` is called before each statement. */
const beforeStatements = (look: () => void) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const prototype = Object.getPrototypeOf(new Sqlite(":memory:").prepare("SELECT 1")) as Record<
        "all" | "run",
        (this: unknown, ...params: ReadonlyArray<unknown>) => unknown
      >
      const { all, run } = prototype
      const watched = (original: typeof all): typeof all =>
        function (...params) {
          look()
          return original.call(this, ...params)
        }
      prototype.all = watched(all)
      prototype.run = watched(run)
      return () => Object.assign(prototype, { all, run })
    }),
    (restore) => Effect.sync(restore),
  )

it.scoped("a death before any statement leaves all of a change or nothing", () =>
  Effect.gen(function* () {
    const dir = yield* tempDir
    const filename = join(dir, "bot-bottle.db")
    let copies: Array<string> = []
    let taken = 0
    /** The file and its log, as a killed process leaves them: what it wrote is the system's. */
    const copy = () => {
      taken += 1
      const folder = join(dir, `copy-${taken}`)
      mkdirSync(folder)
      for (const end of ["", "-wal"])
        if (existsSync(`${filename}${end}`))
          copyFileSync(`${filename}${end}`, join(folder, `bot-bottle.db${end}`))
      copies.push(join(folder, "bot-bottle.db"))
    }
    yield* Effect.gen(function* () {
      for (const [name, change] of Object.entries(changes)) {
        const before = yield* rows
        copies = []
        yield* Effect.scoped(Effect.zipRight(beforeStatements(copy), change))
        const after = yield* rows
        expect(after, name).not.toEqual(before)
        expect(copies.length, name).toBeGreaterThan(3)
        const found = yield* Effect.forEach(copies, (each) =>
          Effect.provide(rows, stores({ filename: each })),
        )
        for (const each of found) expect([before, after], name).toContainEqual(each)
        expect(found[0], name).toEqual(before)
        copy()
        const last = copies.at(-1) ?? ""
        expect(yield* Effect.provide(rows, stores({ filename: last })), name).toEqual(after)
      }
    }).pipe(Effect.provide(stores({ filename })))
  }),
)
