/** All stores of the orchestrator in one SQLite file. */
import { Effect, Layer } from "effect"
import { StoreRevision } from "../../services/StoreRevision.ts"
import { Database, type DatabaseOptions, layer as database } from "./Database.ts"
import * as SqliteHistory from "./SqliteHistory.ts"
import * as SqliteHomeLease from "./SqliteHomeLease.ts"
import * as SqliteInbox from "./SqliteInbox.ts"
import * as SqliteIssueStates from "./SqliteIssueStates.ts"
import * as SqliteOperations from "./SqliteOperations.ts"
import * as SqliteOutbox from "./SqliteOutbox.ts"
import * as SqliteServiceState from "./SqliteServiceState.ts"
import * as SqliteSignIns from "./SqliteSignIns.ts"
import * as SqliteSweepCursors from "./SqliteSweepCursors.ts"
import * as SqliteUsage from "./SqliteUsage.ts"

/** The stores in the home's database, or in `filename`. Fails when the database is newer, damaged or inaccessible. */
export const layer = (options: DatabaseOptions = {}) =>
  Layer.mergeAll(
    SqliteHistory.layer(options),
    SqliteHomeLease.layer(options),
    SqliteInbox.layer(options),
    SqliteIssueStates.layer(options),
    SqliteOperations.layer(options),
    SqliteOutbox.layer(options),
    SqliteServiceState.layer(options),
    SqliteSignIns.layer(options),
    SqliteSweepCursors.layer(options),
    SqliteUsage.layer(options),
    Layer.effect(StoreRevision, revision).pipe(Layer.provide(database(options))),
  )

/** Commits of other connections change the first number, our own statements the second. */
const revision = Effect.map(Database, ({ run }) =>
  Effect.map(
    run("revision")("SELECT data_version || '.' || total_changes() AS revision FROM pragma_data_version"),
    ([row]) => String(row?.["revision"]),
  ),
)
