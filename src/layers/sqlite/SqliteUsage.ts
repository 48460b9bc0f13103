/** Usage on SQLite: one row for each run, so that a run counts once. Sums are computed on request. */
import { Effect, Layer, Schema } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import { Day, type RunUsage, type UsageBy, type UsageOf } from "../../domain/orchestrator/Usage.ts"
import { Usage } from "../../services/Usage.ts"
import * as Database from "./Database.ts"
import { issueParams } from "./issueColumns.ts"
import type { Run } from "./run.ts"

/**
 * The usage in the home's database, or in `filename`. Processes may share it. Fails when the database is newer, damaged or
 * inaccessible.
 */
export const layer = (options: Database.DatabaseOptions = {}): Layer.Layer<Usage, StateStoreError> =>
  Layer.effect(Usage, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  return Usage.of({
    record: Effect.fn("Usage.record")((usage) => insertUsage(database.run("record"), usage)),
    total: Effect.fn("Usage.total")(function* (of) {
      const { where, params } = whereOf(of)
      const rows = yield* database.run("total")(`${SUM}${where}`, ...params)
      return yield* Effect.mapError(
        decode(rows[0]),
        (cause) => new StateStoreError({ operation: "total", reason: "a sum cannot be read", cause }),
      )
    }),
    sums: Effect.fn("Usage.sums")(function* ({ by, from, to, limit, ...of }) {
      const { where, params } = whereOf(of)
      const rows = yield* database.run("sums")(
        `SELECT ${GROUPED[by].columns}, ${SUMS} FROM usage WHERE day >= ? AND day <= ?${where === "" ? "" : ` AND${where.slice(" WHERE".length)}`}
         GROUP BY ${GROUPED[by].group} ORDER BY ${GROUPED[by].order} LIMIT ?`,
        from,
        to,
        ...params,
        limit,
      )
      return yield* Effect.mapError(
        decodeSums(rows),
        (cause) => new StateStoreError({ operation: "sums", reason: "a sum cannot be read", cause }),
      )
    }),
  })
})

/** Stores what a run used, unless it is already stored. */
export const insertUsage = (run: Run, usage: RunUsage): Effect.Effect<void, StateStoreError> =>
  Effect.asVoid(
    run(
      `INSERT INTO usage (forge, owner, repo, issue_number, generation, run, day, seconds, tokens, cost)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...issueParams(usage),
      usage.generation,
      usage.run,
      usage.day,
      usage.seconds,
      usage.tokens,
      usage.cost,
    ),
  )

const SUMS = `count(*) AS runs, coalesce(sum(seconds), 0) AS seconds, coalesce(sum(tokens), 0) AS tokens,
  coalesce(sum(cost), 0) AS cost, count(*) - count(cost) AS unpriced`
const SUM = `SELECT ${SUMS} FROM usage`

/** Names compare without case, also in the order of groups, and the first spelling by its characters is shown. */
const REPOSITORY = "min(owner COLLATE BINARY) AS owner, min(repo COLLATE BINARY) AS repo"
const GROUPED = {
  day: {
    columns: "day, NULL AS owner, NULL AS repo, NULL AS issueNumber",
    group: "day",
    order: "day DESC",
  },
  repository: {
    columns: `NULL AS day, ${REPOSITORY}, NULL AS issueNumber`,
    group: "forge, owner, repo",
    order: "tokens DESC, forge, usage.owner, usage.repo",
  },
  issue: {
    columns: `NULL AS day, ${REPOSITORY}, issue_number AS issueNumber`,
    group: "forge, owner, repo, issue_number",
    order: "tokens DESC, forge, usage.owner, usage.repo, issue_number",
  },
} as const satisfies Record<UsageBy["by"], unknown>

const COLUMN_OF = {
  day: "day",
  forge: "forge",
  owner: "owner",
  repo: "repo",
  issueNumber: "issue_number",
} as const satisfies Record<keyof UsageOf, string>

const whereOf = (of: UsageOf) => {
  const asked = (["day", "forge", "owner", "repo", "issueNumber"] as const).flatMap((key) => {
    const value = of[key]
    return value === undefined ? [] : [{ condition: `${COLUMN_OF[key]} = ?`, value }]
  })
  return {
    where: asked.length === 0 ? "" : ` WHERE ${asked.map(({ condition }) => condition).join(" AND ")}`,
    params: asked.map(({ value }) => value),
  }
}

const Total = Schema.Struct({
  runs: Schema.Int,
  seconds: Schema.Int,
  tokens: Schema.Int,
  cost: Schema.Int,
  unpriced: Schema.Int,
})
const decode = Schema.decodeUnknown(Total)
const decodeSums = Schema.decodeUnknown(
  Schema.Array(
    Schema.Struct({
      ...Total.fields,
      day: Schema.NullOr(Day),
      owner: Schema.NullOr(Schema.String),
      repo: Schema.NullOr(Schema.String),
      issueNumber: Schema.NullOr(Schema.Int),
    }),
  ),
)
