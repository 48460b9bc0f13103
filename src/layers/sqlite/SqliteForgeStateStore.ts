/** ForgeStateStore on SQLite: one row for each issue, in the home's database. */
import { Array as Arr, Effect, Layer, Option, Schema } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import { atKey, ForgeState, isOfPr, type ForgeStateKey } from "../../domain/ForgeState.ts"
import { BEFORE_ALL, instantOf } from "../../domain/Instant.ts"
import { ForgeStateStore } from "../../services/ForgeStateStore.ts"
import * as Database from "./Database.ts"
import type { DatabaseOptions } from "./Database.ts"
import type { Row, Run } from "./run.ts"

export type { DatabaseOptions } from "./Database.ts"

/**
 * The store in the home's database, or in `filename`. Processes may share it. Fails when the database is newer, damaged or
 * inaccessible.
 */
export const layer = (options: DatabaseOptions = {}): Layer.Layer<ForgeStateStore, StateStoreError> =>
  Layer.effect(ForgeStateStore, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  const upserting = database.run("upsert")
  return ForgeStateStore.of({
    // Without a span of its own, which would cost more than the statement.
    upsert: (state) => write(upserting, state),
    get: Effect.fn("ForgeStateStore.get")((key) => read(database.run("get"), "get", key)),
    delete: Effect.fn("ForgeStateStore.delete")((key) => erase(database.run("delete"), key)),
    all: Effect.withSpan(
      Effect.flatMap(database.run("all")(`SELECT ${COLUMNS} FROM forge_state ${ORDER}`), decodeAll("all")),
      "ForgeStateStore.all",
    ),
    running: Effect.withSpan(
      Effect.flatMap(
        database.run("running")(
          `SELECT ${COLUMNS} FROM forge_state INDEXED BY forge_state_running WHERE status = 'running' ${ORDER}`,
        ),
        decodeAll("running"),
      ),
      "ForgeStateStore.running",
    ),
    ofPr: Effect.fn("ForgeStateStore.ofPr")((pr) =>
      database
        .run("ofPr")(
          `SELECT ${COLUMNS} FROM forge_state INDEXED BY forge_state_pr WHERE forge = ? AND pr_number = ? ${ORDER}`,
          pr.forge,
          pr.prNumber,
        )
        .pipe(Effect.flatMap(decodeAll("ofPr")), Effect.map(Arr.filter((row) => isOfPr(row, pr)))),
    ),
    modify: Effect.fn("ForgeStateStore.modify")((key, change) =>
      database.immediate("modify", (run) =>
        Effect.gen(function* () {
          const [answer, next] = change(yield* read(run, "modify", key))
          if (Option.isNone(next)) yield* erase(run, key)
          else yield* write(run, atKey(key, next.value))
          return answer
        }),
      ),
    ),
    stale: Effect.fn("ForgeStateStore.stale")(function* (before) {
      const instant = instantOf(before)
      if (instant === BEFORE_ALL)
        return yield* new StateStoreError({
          operation: "stale",
          reason: `"${before}" is not an ISO 8601 time`,
        })
      const rows = yield* database.run("stale")(
        `SELECT ${COLUMNS} FROM forge_state WHERE status = 'running' AND last_checkin_ms < ? ${ORDER}`,
        instant,
      )
      return yield* decodeAll("stale")(rows)
    }),
  })
})

const COLUMNS = `forge, owner, repo, issue_number AS issueNumber, slug, agent_name AS agentName, bottle_names AS bottleNames,
  backend_name AS backendName, agent_git_user AS agentGitUser, pr_number AS prNumber, status, last_checkin_at AS lastCheckinAt`
const ORDER = "ORDER BY forge, owner, repo, issue_number"
const KEY = "WHERE forge = ? AND owner = ? AND repo = ? AND issue_number = ?"

const UPSERT = `INSERT INTO forge_state (forge, owner, repo, issue_number, slug, agent_name, bottle_names, backend_name,
    agent_git_user, pr_number, status, last_checkin_at, last_checkin_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET slug = excluded.slug, agent_name = excluded.agent_name, bottle_names = excluded.bottle_names,
    backend_name = excluded.backend_name, agent_git_user = excluded.agent_git_user, pr_number = excluded.pr_number,
    status = excluded.status, last_checkin_at = excluded.last_checkin_at, last_checkin_ms = excluded.last_checkin_ms`

const write = (run: Run, state: ForgeState): Effect.Effect<void, StateStoreError> =>
  Effect.asVoid(
    run(
      UPSERT,
      state.forge,
      state.owner,
      state.repo,
      state.issueNumber,
      state.slug,
      state.agentName,
      JSON.stringify(state.bottleNames),
      state.backendName,
      state.agentGitUser,
      Option.getOrNull(state.prNumber),
      state.status,
      state.lastCheckinAt,
      instantOf(state.lastCheckinAt),
    ),
  )

const read = (
  run: Run,
  operation: string,
  key: ForgeStateKey,
): Effect.Effect<Option.Option<ForgeState>, StateStoreError> =>
  run(`SELECT ${COLUMNS} FROM forge_state ${KEY}`, key.forge, key.owner, key.repo, key.issueNumber).pipe(
    Effect.flatMap(decodeAll(operation)),
    Effect.map(Arr.head),
  )

const erase = (run: Run, key: ForgeStateKey): Effect.Effect<void, StateStoreError> =>
  Effect.asVoid(run(`DELETE FROM forge_state ${KEY}`, key.forge, key.owner, key.repo, key.issueNumber))

const StoredState = Schema.Struct({
  ...ForgeState.fields,
  bottleNames: Schema.parseJson(Schema.Array(Schema.String)),
})
const decodeRow = Schema.decodeUnknown(StoredState)

const decodeAll = (operation: string) => (rows: ReadonlyArray<Row>) =>
  Effect.forEach(rows, (row) =>
    decodeRow(row).pipe(
      Effect.map((fields) => new ForgeState(fields, { disableValidation: true })),
      Effect.mapError(
        (cause) =>
          new StateStoreError({
            operation,
            reason: `the forge state of ${String(row["owner"])}/${String(row["repo"])}#${String(row["issueNumber"])} was written by another version and cannot be read: use that version, or delete the row`,
            cause,
          }),
      ),
    ),
  )
