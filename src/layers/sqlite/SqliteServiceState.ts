/** ServiceState on SQLite: one row of the service, and one row for each requested look. */
import { Array as Arr, Effect, Layer, Option, Schema } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import { ServiceHealth } from "../../domain/orchestrator/ServiceHealth.ts"
import { ProcessIdentity } from "../../domain/ProcessIdentity.ts"
import { ServiceState } from "../../services/ServiceState.ts"
import { isAlive, self } from "../process/ProcessIdentity.ts"
import * as Database from "./Database.ts"
import { ISSUE_COLUMNS, issueParams, rowsBy } from "./issueColumns.ts"

/** The state in the home's database, or in `filename`. Processes share it. Fails when the database is newer, damaged or inaccessible. */
export const layer = (options: Database.DatabaseOptions = {}): Layer.Layer<ServiceState, StateStoreError> =>
  Layer.effect(ServiceState, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  const me = yield* self
  return ServiceState.of({
    pausedAt: Effect.map(
      database.run("pausedAt")("SELECT paused_ms AS at FROM service WHERE paused_ms IS NOT NULL"),
      (rows) => Option.map(Arr.head(rows), ({ at }) => Number(at)),
    ),
    pause: Effect.fn("ServiceState.pause")((at) =>
      Effect.asVoid(
        database.durable("pause", (run) =>
          run(
            `INSERT INTO service (one, paused_ms) VALUES (1, ?)
           ON CONFLICT DO UPDATE SET paused_ms = coalesce(paused_ms, excluded.paused_ms)`,
            at,
          ),
        ),
      ),
    ),
    resume: Effect.asVoid(database.durable("resume", (run) => run("UPDATE service SET paused_ms = NULL"))),
    health: Effect.gen(function* () {
      const [row] = yield* database.run("health")("SELECT health FROM service WHERE health IS NOT NULL")
      if (row === undefined) return Option.none()
      const { process, ...health } = yield* Effect.mapError(
        decode(row["health"]),
        (cause) =>
          new StateStoreError({
            operation: "health",
            reason: "the report of the service was written by another version and cannot be read",
            cause,
          }),
      )
      const isServing = health.stoppedAt === undefined && (yield* isAlive(process))
      return Option.some({ ...health, pid: process.pid, isServing })
    }),
    report: Effect.fn("ServiceState.report")((health) =>
      Effect.asVoid(
        database.run("report")(
          "INSERT INTO service (one, health) VALUES (1, ?) ON CONFLICT DO UPDATE SET health = excluded.health",
          JSON.stringify({ ...health, process: me }),
        ),
      ),
    ),
    ask: Effect.fn("ServiceState.ask")((issue) =>
      Effect.asVoid(
        database.run("ask")(
          "INSERT INTO looks_asked (forge, owner, repo, issue_number) VALUES (?, ?, ?, ?)",
          ...issueParams(issue),
        ),
      ),
    ),
    asked: Effect.flatMap(
      database.run("asked")(`DELETE FROM looks_asked RETURNING ${ISSUE_COLUMNS}`),
      rowsBy(IssueKey, "look")("asked"),
    ),
  })
})

const decode = Schema.decodeUnknown(
  Schema.parseJson(Schema.Struct({ ...ServiceHealth.fields, process: ProcessIdentity })),
)
