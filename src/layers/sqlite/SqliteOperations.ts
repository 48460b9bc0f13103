/** Operations on SQLite: one row for each, never removed. The index operations_one_open allows one open operation per issue. */
import { Array as Arr, Clock, Effect, Layer, Option, Schema } from "effect"
import type { StateStoreError } from "../../domain/Errors.ts"
import { endEntry, startEntry } from "../../domain/orchestrator/History.ts"
import { OperationId } from "../../domain/orchestrator/IssueKey.ts"
import { Operation } from "../../domain/orchestrator/Operation.ts"
import {
  endedHint,
  finished,
  type OperationEnd,
  StartedRun,
  StoredOperation,
} from "../../domain/orchestrator/StoredOperation.ts"
import { Day, type RunUse, RunUsage } from "../../domain/orchestrator/Usage.ts"
import { Operations } from "../../services/Operations.ts"
import * as Database from "./Database.ts"
import { ISSUE_COLUMNS, issueParams, jsonOf, OF_ISSUE, rowsBy } from "./issueColumns.ts"
import type { Row, Run } from "./run.ts"
import { insertEntry } from "./SqliteHistory.ts"
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
    runs: Effect.fn("Operations.runs")((issue, { limit, after }) =>
      database
        .run("runs")(
          `SELECT o.*, u.day, u.seconds, u.tokens, u.cost FROM (${SELECT}) AS o
           JOIN operations AS p ON p.id = o.id
           LEFT JOIN usage AS u ON u.forge = p.forge AND u.owner = p.owner AND u.repo = p.repo
             AND u.issue_number = p.issue_number AND u.generation = p.generation AND u.run = p.run
           WHERE p.forge = ? AND p.owner = ? AND p.repo = ? AND p.issue_number = ? AND p.slug IS NOT NULL
             AND p.seq < coalesce((SELECT seq FROM operations WHERE id = ?), ${Number.MAX_SAFE_INTEGER})
           ORDER BY p.seq DESC LIMIT ?`,
          ...issueParams(issue),
          after?.id ?? null,
          limit,
        )
        .pipe(
          Effect.flatMap((rows) =>
            Effect.map(readRows("runs")(rows), (operations) =>
              operations.map((operation, at) => ({ operation, use: useOf(operation, rows[at]) })),
            ),
          ),
        ),
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
        Effect.gen(function* () {
          const changed = yield* run(
            "UPDATE operations SET slug = ?, run = ? WHERE id = ? AND state = 'open' AND slug IS NULL RETURNING seq",
            slug,
            number,
            id,
          )
          const row = yield* read(run, "start", id)
          if (changed.length > 0 && Option.isSome(row))
            yield* insertEntry(run, startEntry(row.value, yield* Clock.currentTimeMillis))
          return row
        }),
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

/** What the run of an operation used; null when nothing is counted. */
const useOf = ({ started }: StoredOperation, row: Row | undefined): RunUse | null => {
  if (started === null || row === undefined || row["day"] === null) return null
  const cost = row["cost"]
  return {
    run: started.run,
    day: Day.make(String(row["day"])),
    seconds: Number(row["seconds"]),
    tokens: Number(row["tokens"]),
    cost: cost === null ? null : Number(cost),
  }
}

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
  yield* insertEntry(run, endEntry(next, end.at))
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
