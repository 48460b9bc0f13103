/** The orchestrator's stores on one SQLite file. */
import { Effect, Layer } from "effect"
import { join } from "node:path"
import * as SqliteHistory from "../../src/layers/sqlite/SqliteHistory.ts"
import * as SqliteHomeLease from "../../src/layers/sqlite/SqliteHomeLease.ts"
import * as SqliteInbox from "../../src/layers/sqlite/SqliteInbox.ts"
import * as SqliteIssueStates from "../../src/layers/sqlite/SqliteIssueStates.ts"
import * as SqliteOperations from "../../src/layers/sqlite/SqliteOperations.ts"
import * as SqliteOutbox from "../../src/layers/sqlite/SqliteOutbox.ts"
import * as SqliteUsage from "../../src/layers/sqlite/SqliteUsage.ts"
import { tempDir } from "./tempDir.ts"

/** All of them but the lease of the home. */
export const stores = (options: { readonly filename: string }) =>
  Layer.mergeAll(
    SqliteHistory.layer(options),
    SqliteInbox.layer(options),
    SqliteIssueStates.layer(options),
    SqliteOperations.layer(options),
    SqliteOutbox.layer(options),
    SqliteUsage.layer(options),
  )

/** All of them on a file of the test's own. */
export const sqliteStores = Effect.map(tempDir, (directory) => {
  const filename = join(directory, "orchestrator.db")
  return Layer.merge(stores({ filename }), SqliteHomeLease.layer({ filename }))
})
