/** Operations on SQLite: one row for each, never removed. The index operations_one_open allows one open operation per issue. */
import { Array as Arr, Effect, Layer, Option, Schema } from "effect"
import type { StateStoreError } from "../../domain/Errors.ts"
import { OperationId } from "../../domain/orchestrator/IssueKey.ts"
import { Operation } from "../../domain/orchestrator/Operation.ts"
import {
  endedHint,
  finished,
  type OperationEnd,
  StartedRun,
  StoredOperation,
} from "../../domain/orchestrator/StoredOperation.ts"
import { RunUsage } from "../../domain/orchestrator/Usage.ts"
import { Operations } from "../../services/Operations.ts"
import * as Database from "./Database.ts"
import { ISSUE_COLUMNS, issueParams, jsonOf, OF_ISSUE, rowsBy } from "./issueColumns.ts"
import type { Run } from "./run.ts"
import { insertHints } from "./SqliteInbox.ts"
import { insertUsage } from "./SqliteUsage.ts"

/**
 * The operations in the home's database, or in `filename`. Processes may share it. Fails when the database is newer, damaged or
 * inaccessible.
 */
export const layer = (options: Database.DatabaseOptions = {}): Layer.Layer<Operations, StateStoreError> =>
  Layer.effect(Operations, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  return Operations.of({
    get: Effect.fn("Operations.get")((id) => read(database.run("get"), "get", id)),
    newest: Effect.fn("Operations.newest")((issue) =>
      database
        .run("newest")(`${SELECT} WHERE ${OF_ISSUE} ORDER BY seq DESC LIMIT 1`, ...issueParams(issue))
        .pipe(Effect.flatMap(readRows("newest")), Effect.map(Arr.head)),
    ),
    open: Effect.fn("Operations.open")((host, { limit, after }) =>
      database
        .run("open")(
          `${SELECT} WHERE state = 'open' AND host = ? AND seq > coalesce((SELECT seq FROM operations WHERE id = ?), 0)
           ORDER BY seq LIMIT ?`,
          host,
          after?.id ?? null,
          limit,
        )
        .pipe(Effect.flatMap(readRows("open"))),
    ),
    start: Effect.fn("Operations.start")((id, { slug, run: number }) =>
      database.immediate("start", (run) =>
        Effect.zipRight(
          run(
            "UPDATE operations SET slug = ?, run = ? WHERE id = ? AND state = 'open' AND slug IS NULL",
            slug,
            number,
            id,
          ),
          read(run, "start", id),
        ),
      ),
    ),
    finish: Effect.fn("Operations.finish")((id, end) =>
      database.immediate("finish", (run) =>
        Effect.flatMap(
          read(run, "finish", id),
          Effect.transposeMapOption((row) =>
            row.state === "open" ? finish(run, row, end) : Effect.succeed(row),
          ),
        ),
      ),
    ),
  })
})

/** Runs inside an immediate transaction, without other writers. */
const finish = Effect.fnUntraced(function* (run: Run, row: StoredOperation, end: OperationEnd) {
  const next = finished(row, end)
  yield* run(
    "UPDATE operations SET state = ?, problem = ?, ended_ms = ? WHERE id = ?",
    next.state,
    next.problem,
    next.endedAt,
    next.id,
  )
  if (end.usage !== undefined) yield* insertUsage(run, new RunUsage({ ...row, ...end.usage }))
  yield* insertHints(run, [endedHint(next, end.at)])
  return next
})

/** The operation that prevents this one from beginning. */
export const inTheWayOf = (
  run: Run,
  operation: StoredOperation,
): Effect.Effect<Option.Option<OperationId>, StateStoreError> =>
  run(
    `SELECT id FROM operations WHERE id = ? OR (state = 'open' AND ${OF_ISSUE}) LIMIT 1`,
    operation.id,
    ...issueParams(operation),
  ).pipe(Effect.map((rows) => Option.map(Arr.head(rows), ({ id }) => OperationId.make(String(id)))))

/** Stores a new operation. */
export const insertOperation = Effect.fnUntraced(function* (run: Run, operation: StoredOperation) {
  const { id, generation, step, host, input, createdAt } = operation
  const text = yield* encodeInput("commit", operation, input)
  yield* run(
    `INSERT INTO operations (id, forge, owner, repo, issue_number, generation, step, host, kind, input, created_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    id,
    ...issueParams(operation),
    generation,
    step,
    host,
    input._tag,
    text,
    createdAt,
  )
})
const encodeInput = jsonOf(Operation, "operation")

const SELECT = `SELECT id, ${ISSUE_COLUMNS}, generation, step, host, input, state, problem,
  iif(slug IS NULL, NULL, json_object('slug', slug, 'run', run)) AS started, created_ms AS createdAt, ended_ms AS endedAt
  FROM operations`

const read = (
  run: Run,
  operation: string,
  id: OperationId,
): Effect.Effect<Option.Option<StoredOperation>, StateStoreError> =>
  run(`${SELECT} WHERE id = ?`, id).pipe(Effect.flatMap(readRows(operation)), Effect.map(Arr.head))

const StoredRow = Schema.Struct({
  ...StoredOperation.fields,
  input: Schema.parseJson(Operation),
  started: Schema.NullOr(Schema.parseJson(StartedRun)),
})
const readRows = (operation: string) => {
  const read = rowsBy(StoredRow, "operation")(operation)
  return (rows: Parameters<typeof read>[0]) =>
    Effect.map(read(rows), (all) =>
      all.map((fields) => new StoredOperation(fields, { disableValidation: true })),
    )
}
