/** The orchestrator's stores on one SQLite file. */
import { Layer } from "effect"
import * as SqliteInbox from "../../src/layers/sqlite/SqliteInbox.ts"
import * as SqliteIssueStates from "../../src/layers/sqlite/SqliteIssueStates.ts"
import * as SqliteOperations from "../../src/layers/sqlite/SqliteOperations.ts"
import * as SqliteUsage from "../../src/layers/sqlite/SqliteUsage.ts"

/** All of them. */
export const stores = (options: { readonly filename: string }) =>
  Layer.mergeAll(
    SqliteInbox.layer(options),
    SqliteIssueStates.layer(options),
    SqliteOperations.layer(options),
    SqliteUsage.layer(options),
  )
