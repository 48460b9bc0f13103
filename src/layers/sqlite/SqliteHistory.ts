/** History on SQLite: one row for each entry. AUTOINCREMENT gives no number twice, and writers take turns, so numbers appear in order. */
import { Effect, Layer, Schema } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import { HistoryEvent, HistoryEntry, type NewHistoryEntry } from "../../domain/orchestrator/History.ts"
import { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import { History } from "../../services/History.ts"
import * as Database from "./Database.ts"
import { issueParams, OF_ISSUE } from "./issueColumns.ts"
import type { Row, Run } from "./run.ts"

/**
 * The history in the home's database, or in `filename`. Processes may share it. Fails when the database is newer, damaged or
 * inaccessible.
 */
export const layer = (options: Database.DatabaseOptions = {}): Layer.Layer<History, StateStoreError> =>
  Layer.effect(History, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  return History.of({
    add: Effect.fn("History.add")((entry) => database.durable("add", (run) => insertEntry(run, entry))),
    all: Effect.fn("History.all")(({ limit, after }) =>
      Effect.flatMap(
        database.run("all")(`${SELECT} WHERE seq > ? ORDER BY seq LIMIT ?`, after?.seq ?? 0, limit),
        readRows,
      ),
    ),
    of: Effect.fn("History.of")((issue, { limit, after }) =>
      Effect.flatMap(
        database.run("of")(
          `${SELECT} WHERE ${OF_ISSUE} AND seq > ? ORDER BY seq LIMIT ?`,
          ...issueParams(issue),
          after?.seq ?? 0,
          limit,
        ),
        readRows,
      ),
    ),
    // The newest number that was ever given, also when its row is forgotten.
    newest: Effect.map(
      database.run("newest")("SELECT seq FROM sqlite_sequence WHERE name = 'history'"),
      ([row]) => Number(row?.["seq"] ?? 0),
    ),
    forget: Effect.fn("History.forget")((before) =>
      Effect.asVoid(database.run("forget")("DELETE FROM history WHERE at_ms < ?", before)),
    ),
  })
})

/** Stores an entry; nothing when there is none. */
export const insertEntry = (
  run: Run,
  entry: NewHistoryEntry | undefined,
): Effect.Effect<void, StateStoreError> =>
  entry === undefined
    ? Effect.void
    : Effect.flatMap(Effect.orDie(encode(entry.event)), (event) =>
        Effect.asVoid(
          run(
            "INSERT INTO history (forge, owner, repo, issue_number, at_ms, event) VALUES (?, ?, ?, ?, ?, ?)",
            ...(entry.issue === null ? NO_ISSUE : issueParams(entry.issue)),
            Math.ceil(entry.at),
            event,
          ),
        ),
      )

const NO_ISSUE = [null, null, null, null] as const

const SELECT = `SELECT seq, at_ms AS at, event, iif(forge IS NULL, NULL,
  json_object('forge', forge, 'owner', owner, 'repo', repo, 'issueNumber', issue_number)) AS issue FROM history`

const encode = Schema.encode(Schema.parseJson(HistoryEvent))
const decode = Schema.decodeUnknown(
  Schema.Array(
    Schema.Struct({
      ...HistoryEntry.fields,
      event: Schema.parseJson(HistoryEvent),
      issue: Schema.NullOr(Schema.parseJson(IssueKey)),
    }),
  ),
)
const readRows = (rows: ReadonlyArray<Row>) =>
  Effect.mapError(
    decode(rows),
    (cause) =>
      new StateStoreError({ operation: "history", reason: "an entry of the history cannot be read", cause }),
  )
