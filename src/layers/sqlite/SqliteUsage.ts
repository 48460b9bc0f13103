/** Usage on SQLite: one row for each run, so that a run counts once. Sums are computed on request. */
import { Effect, Layer, Schema } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import type { RunUsage, UsageOf } from "../../domain/orchestrator/Usage.ts"
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

const SUM = `SELECT count(*) AS runs, coalesce(sum(seconds), 0) AS seconds, coalesce(sum(tokens), 0) AS tokens,
  coalesce(sum(cost), 0) AS cost, count(*) - count(cost) AS unpriced FROM usage`

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

const decode = Schema.decodeUnknown(
  Schema.Struct({
    runs: Schema.Int,
    seconds: Schema.Int,
    tokens: Schema.Int,
    cost: Schema.Int,
    unpriced: Schema.Int,
  }),
)
