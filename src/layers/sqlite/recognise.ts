/** Checks whether a file is a database of this bot-bottle, before anything is written to it. */
import { Effect } from "effect"
import { basename, dirname, join } from "node:path"
import { StateStoreError } from "../../domain/Errors.ts"
import type { Run } from "./run.ts"
import { SCHEMA_VERSION } from "./migrations.ts"

/** Version and tables in one statement: another process's migration may commit between two. */
const SIGNS = `SELECT (SELECT user_version FROM pragma_user_version) AS version,
  (SELECT json_group_array(name) FROM sqlite_master WHERE type IN ('table', 'view')) AS tables`

/**
 * The schema version of the database. Fails for one of a newer bot-bottle and for one of another program: the Python bot-bottle used
 * the same path.
 */
export const recognise = Effect.fnUntraced(function* (filename: string, run: Run) {
  const [signs] = yield* run(SIGNS)
  const version = Number(signs?.["version"])
  const tables = new Set(JSON.parse(String(signs?.["tables"])) as ReadonlyArray<string>)
  if (version === 0 && tables.size === 0) return version
  const ownTables = OWN.filter((name) => tables.has(name)).length
  if (version > SCHEMA_VERSION && ownTables > 0) {
    return yield* new StateStoreError({
      operation: "open",
      reason: `${filename} was written by a newer bot-bottle (schema ${version}, this one knows ${SCHEMA_VERSION}); it is left as it is: use that version`,
    })
  }
  if (version > 0 && ownTables === OWN.length) return version
  const writer = tables.has("forge_state") ? "the Python bot-bottle" : "another program"
  return yield* new StateStoreError({
    operation: "open",
    reason: `${filename} is the database of ${writer}; it is left as it is. This command moves it aside: ${moveAside(filename)}`,
  })
})

/** Tables of every schema version. */
const OWN = ["bottles", "forge_state"]

/** The log and the shared memory must keep their names beside the file, or SQLite would not find them again. */
const moveAside = (filename: string): string => {
  const aside = quoted(join(dirname(filename), `old-${basename(filename)}`))
  return `mkdir ${aside} && mv ${quoted(filename)}* ${aside}`
}

const quoted = (path: string): string => `'${path.replaceAll("'", `'\\''`)}'`
