/** One connection to a SQLite file, by better-sqlite3. Its calls run at once and throw its errors. */
import { Effect, type Scope } from "effect"
import Sqlite from "better-sqlite3"
import type { StateStoreError } from "../../domain/Errors.ts"
import type { Row, Run } from "./run.ts"
import { sqliteFailure } from "./sqliteFailure.ts"

/** A connection. */
export interface Connection {
  /** Runs a statement, which is prepared once, and returns its rows. */
  readonly execute: (text: string, params: ReadonlyArray<string | number | null>) => ReadonlyArray<Row>
  /** Runs a statement that is prepared each time. */
  readonly unprepared: (text: string) => void
  /** Copies the database by SQLite's online back-up. */
  readonly backup: (to: string) => Promise<unknown>
}

/** How a file is opened. */
export interface ConnectionOptions {
  readonly readonly?: boolean
  /** How long a statement blocks this process while another one holds the lock, in milliseconds. */
  readonly busyMs?: number
}

/** More statements than the stores have; each is small. */
const PREPARED_MAX = 500

/** Opens a file until the scope closes. */
export const connect = (
  filename: string,
  { readonly = false, busyMs = 5000 }: ConnectionOptions = {},
): Effect.Effect<Connection, StateStoreError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.try({
        try: () => new Sqlite(filename, { readonly, timeout: busyMs }),
        catch: (cause) => sqliteFailure(filename, "open", cause),
      }),
      (database) => Effect.sync(() => database.close()),
    ),
    (database) => {
      const prepared = new Map<string, Sqlite.Statement<Array<unknown>, Row>>()
      const prepare = (text: string) => {
        const known = prepared.get(text)
        if (known !== undefined) return known
        if (prepared.size === PREPARED_MAX) prepared.clear()
        const statement = database.prepare<Array<unknown>, Row>(text)
        prepared.set(text, statement)
        return statement
      }
      return {
        execute: (text, params) => rowsOf(prepare(text), params),
        unprepared: (text) => void rowsOf(database.prepare<Array<unknown>, Row>(text), []),
        backup: (to) => database.backup(to),
      }
    },
  )

const rowsOf = (
  statement: Sqlite.Statement<Array<unknown>, Row>,
  params: ReadonlyArray<unknown>,
): ReadonlyArray<Row> => {
  if (statement.reader) return statement.all(...params)
  statement.run(...params)
  return NO_ROWS
}

const NO_ROWS: ReadonlyArray<Row> = []

/** Runs statements of an operation on a connection. */
export const statements =
  (filename: string, { execute }: Connection) =>
  (operation: string): Run =>
  (text, ...params) =>
    Effect.suspend(() => {
      try {
        return Effect.succeed(execute(text, params))
      } catch (cause) {
        return Effect.fail(sqliteFailure(filename, operation, cause))
      }
    })
