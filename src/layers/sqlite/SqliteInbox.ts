/** Inbox on SQLite: hints that arrive together are accepted in one transaction with one disk flush. */
import { Effect, Layer, Schema } from "effect"
import type { StateStoreError } from "../../domain/Errors.ts"
import {
  HintDetail,
  HintId,
  type InboxHint,
  InboxRow,
  routedHintId,
} from "../../domain/orchestrator/InboxHint.ts"
import { Inbox } from "../../services/Inbox.ts"
import * as Database from "./Database.ts"
import { groupCommit } from "./groupCommit.ts"
import { ISSUE_COLUMNS, issueParams, OF_ISSUE, rowsBy } from "./issueColumns.ts"
import type { Run } from "./run.ts"

/**
 * The inbox in the home's database, or in `filename`. Processes may share it. Fails when the database is newer, damaged or
 * inaccessible.
 */
export const layer = (options: Database.DatabaseOptions = {}): Layer.Layer<Inbox, StateStoreError> =>
  Layer.effect(Inbox, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  const list = (operation: string, rest: string, ...params: ReadonlyArray<string | number>) =>
    Effect.flatMap(
      database.run(operation)(`SELECT ${COLUMNS} FROM inbox WHERE ${rest}`, ...params),
      readRows(operation),
    )
  const accept = groupCommit((hints: ReadonlyArray<InboxHint>) =>
    database.durable("accept", (run) => insertHints(run, hints)),
  )
  return Inbox.of({
    accept: Effect.fn("Inbox.accept")(accept),
    open: Effect.fn("Inbox.open")((issue) =>
      list("open", `state = 'open' AND ${OF_ISSUE} ORDER BY seq`, ...issueParams(issue)),
    ),
    waiting: Effect.fn("Inbox.waiting")(({ limit, after }) =>
      list("waiting", WAITING, after?.seq ?? 0, limit),
    ),
    unrouted: Effect.fn("Inbox.unrouted")(({ limit, after }) =>
      list("unrouted", UNROUTED, after?.seq ?? 0, limit),
    ),
    route: Effect.fn("Inbox.route")((id, issues, at) =>
      database.immediate("route", (run) =>
        Effect.gen(function* () {
          for (const issue of issues) yield* run(ROUTE, routedHintId(id, issue), issue, id)
          yield* markHandled(run, [id], at)
        }),
      ),
    ),
    handle: Effect.fn("Inbox.handle")((ids, at) =>
      database.immediate("handle", (run) => markHandled(run, ids, at)),
    ),
    failed: Effect.fn("Inbox.failed")(function* (ids, problem, most) {
      const rows = yield* database.run("failed")(FAILED, problem, most, JSON.stringify(ids))
      return rows.filter(({ state }) => state === "set-aside").map(({ id }) => HintId.make(String(id)))
    }),
    setAside: Effect.fn("Inbox.setAside")(({ limit, after }) =>
      list("setAside", "state = 'set-aside' AND seq > ? ORDER BY seq LIMIT ?", after?.seq ?? 0, limit),
    ),
    reopen: Effect.fn("Inbox.reopen")((issue) =>
      Effect.asVoid(
        database.run("reopen")(
          `UPDATE inbox SET state = 'open', tries = 0 WHERE state = 'set-aside' AND ${OF_ISSUE}`,
          ...issueParams(issue),
        ),
      ),
    ),
    forget: Effect.fn("Inbox.forget")((before) =>
      Effect.map(
        database.run("forget")(
          "DELETE FROM inbox WHERE state = 'handled' AND handled_ms < ? RETURNING seq",
          before,
        ),
        (rows) => rows.length,
      ),
    ),
  })
})

const COLUMNS = `seq, id, ${ISSUE_COLUMNS}, kind, received_ms AS receivedAt, detail, state, tries, problem`
const WAITING = `seq IN (SELECT min(seq) FROM inbox WHERE state = 'open' AND issue_number IS NOT NULL
  GROUP BY forge, owner, repo, issue_number) AND seq > ? ORDER BY seq LIMIT ?`
const UNROUTED = "state = 'open' AND issue_number IS NULL AND seq > ? ORDER BY seq LIMIT ?"
const INSERT = `INSERT INTO inbox (id, forge, owner, repo, issue_number, kind, received_ms, detail)`
const INSERT_ALL = `${INSERT} SELECT ${[0, 1, 2, 3, 4, 5, 6, 7].map((n) => `value ->> ${n}`).join(", ")}
  FROM json_each(?) WHERE true ORDER BY key ON CONFLICT DO NOTHING RETURNING id`
const ROUTE = `${INSERT} SELECT ?, forge, owner, repo, ?, kind, received_ms, detail FROM inbox WHERE id = ? AND state = 'open'
  ON CONFLICT DO NOTHING`
const IDS = "(SELECT value FROM json_each(?))"
const FAILED = `UPDATE inbox SET problem = ?, tries = tries + 1, state = iif(tries + 1 >= ?, 'set-aside', 'open')
  WHERE state = 'open' AND id IN ${IDS} RETURNING id, state`

/** Stores hints in their order, each unless its ID is known. */
export const insertHints = (
  run: Run,
  hints: ReadonlyArray<InboxHint>,
): Effect.Effect<ReadonlyArray<"accepted" | "known">, StateStoreError> =>
  Effect.map(run(INSERT_ALL, JSON.stringify(hints.map(toRow))), (rows) => {
    const inserted = new Set(rows.map(({ id }) => id))
    // Of two hints with one ID, the first was inserted.
    return hints.map(({ id }) => (inserted.delete(id) ? "accepted" : "known"))
  })

const toRow = ({ id, forge, owner, repo, issueNumber, kind, receivedAt, detail }: InboxHint) => [
  id,
  forge,
  owner,
  repo,
  issueNumber,
  kind,
  receivedAt,
  JSON.stringify(detail),
]

/** What the open ones of these hints are about, in order of arrival. */
export const openHints = (run: Run, ids: ReadonlyArray<HintId>) =>
  Effect.flatMap(
    run(
      `SELECT ${COLUMNS} FROM inbox WHERE state = 'open' AND id IN ${IDS} ORDER BY seq`,
      JSON.stringify(ids),
    ),
    readRows("commit"),
  )

/** Marks the open ones of these hints as handled. */
export const markHandled = (
  run: Run,
  ids: ReadonlyArray<HintId>,
  at: number,
): Effect.Effect<void, StateStoreError> =>
  Effect.asVoid(
    run(
      `UPDATE inbox SET state = 'handled', handled_ms = ? WHERE state = 'open' AND id IN ${IDS}`,
      at,
      JSON.stringify(ids),
    ),
  )

const StoredRow = Schema.Struct({ ...InboxRow.fields, detail: Schema.parseJson(HintDetail) })
const readRows = (operation: string) => {
  const read = rowsBy(StoredRow, "hint")(operation)
  return (rows: Parameters<typeof read>[0]) =>
    Effect.map(read(rows), (all) => all.map((fields) => new InboxRow(fields, { disableValidation: true })))
}
