/** Runs a statement and returns its rows. */
import type { Effect } from "effect"
import type { StateStoreError } from "../../domain/Errors.ts"

/** A row of SQLite: columns by name. */
export type Row = Readonly<Record<string, unknown>>

/** Runs one prepared statement and returns its rows. */
export type Run = (
  text: string,
  ...params: ReadonlyArray<string | number | null>
) => Effect.Effect<ReadonlyArray<Row>, StateStoreError>
