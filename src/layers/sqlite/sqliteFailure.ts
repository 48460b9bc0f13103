/** Explains failures of SQLite to an operator by result code (sqlite.org/rescode.html). */
import { SqlError } from "@effect/sql/SqlError"
import { StateStoreError } from "../../domain/Errors.ts"

/** Whether another process held the lock: the same statement may succeed later. */
export const isBusy = (cause: unknown): boolean => /^SQLITE_(BUSY|PROTOCOL)/.test(codeOf(cause))

/** The error of an operation on the database `filename`. */
export const sqliteFailure = (filename: string, operation: string, cause: unknown): StateStoreError =>
  new StateStoreError({ operation, reason: reasonOf(filename, rootOf(cause)), cause: rootOf(cause) })

/** The error for a file that is not a valid database. */
export const damaged = (
  filename: string,
  operation: string,
  detail: string,
  cause?: unknown,
): StateStoreError => new StateStoreError({ operation, reason: damagedReason(filename, detail), cause })

const damagedReason = (filename: string, detail: string): string =>
  `${filename} is damaged or not a database (${detail}); it was not changed: restore a copy, or move it away to start with an empty one`

const reasonOf = (filename: string, cause: unknown): string => {
  const code = codeOf(cause)
  const detail = cause instanceof Error ? cause.message : String(cause)
  if (isDamage(cause)) return damagedReason(filename, detail)
  if (isBusy(cause)) return `${filename} stayed locked by another process: try again`
  if (code.startsWith("SQLITE_FULL")) return `no space is left for ${filename}: free some and try again`
  if (/^SQLITE_(READONLY|PERM|AUTH)/.test(code))
    return `${filename} cannot be written (${detail}): check who owns it and its folder`
  if (/^SQLITE_(CANTOPEN|IOERR)/.test(code))
    return `${filename} cannot be opened or read (${detail}): check its folder, its disk, and that the path is shorter than 500 bytes`
  return `${filename}: ${detail}`
}

/** The file's content is not valid for SQLite. */
const isDamage = (cause: unknown): boolean => /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(cause))

/** SQLite's name of the failure; `""` for a failure that is not SQLite's. */
export const codeOf = (cause: unknown): string => {
  const code = (rootOf(cause) as { readonly code?: unknown } | null | undefined)?.code
  return typeof code === "string" ? code : ""
}

/** @effect/sql wraps the error of better-sqlite3, which has the code. */
const rootOf = (cause: unknown): unknown => (cause instanceof SqlError ? cause.cause : cause)
