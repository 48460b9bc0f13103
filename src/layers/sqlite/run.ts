/** How a statement is run, and what comes back. */
import type { Effect } from "effect"
import type { StateStoreError } from "../../domain/Errors.ts"

/** A row as SQLite has it: columns by name. */
export type Row = Readonly<Record<string, unknown>>

/** Runs one prepared statement and answers its rows. */
export type Run = (
  text: string,
  ...params: ReadonlyArray<string | number | null>
) => Effect.Effect<ReadonlyArray<Row>, StateStoreError>
