/** bot-bottle's one SQLite database: opens, checks and migrates it. Several processes share it, and all of them write. */
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { type Cause, Context, Effect, Exit, Layer, Schedule, type Scope } from "effect"
import { chmodSync, mkdirSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { StateStoreError } from "../../domain/Errors.ts"
import { Home } from "../home/Home.ts"
import { migrations, SCHEMA_VERSION } from "./migrations.ts"
import { recognise } from "./recognise.ts"
import type { Row, Run } from "./run.ts"
import { codeOf, damaged, isBusy, sqliteFailure } from "./sqliteFailure.ts"

/** The database can run a single statement, or several as one immediate transaction. */
export class Database extends Context.Tag("bot-bottle/Database")<
  Database,
  {
    /** For a single statement, which is its own transaction. `operation` names it in errors. */
    readonly run: (operation: string) => Run
    /** For read-then-write: all statements of `body` or none, without another writer in between. A failure of `body` rolls back. */
    readonly immediate: <A, E>(
      operation: string,
      body: (run: Run) => Effect.Effect<A, E>,
    ) => Effect.Effect<A, E | StateStoreError>
    /** The same, and durable when it returns: a power cut does not undo it. Costs a disk flush. */
    readonly durable: <A, E>(
      operation: string,
      body: (run: Run) => Effect.Effect<A, E>,
    ) => Effect.Effect<A, E | StateStoreError>
  }
>() {}

/** Which database. */
export interface DatabaseOptions {
  /** Path of the file (default: the home's database). The file and its folders (0700) are created if missing. */
  readonly filename?: string
}

/** The database in a file, open as long as the layer. The same file gives the same layer, so that two stores share it. */
export const layer = (options: DatabaseOptions = {}): Layer.Layer<Database, StateStoreError> => {
  const known = layers.get(options.filename)
  if (known !== undefined) return known
  const made = Layer.scoped(
    Database,
    Effect.flatMap(Home, (home) => open(resolve(options.filename ?? home.database))),
  ).pipe(Layer.provide(Reactivity.layer))
  layers.set(options.filename, made)
  return made
}

const layers = new Map<string | undefined, Layer.Layer<Database, StateStoreError>>()

const open = Effect.fn("Database.open")(function* (filename: string) {
  const size = yield* sizeOf(filename)
  const examined =
    size === 0 ||
    (yield* Effect.scoped(examine(filename, size)).pipe(
      Effect.as(true),
      Effect.catchIf(needsWriter, () => Effect.succeed(false)),
    ))
  const connection = yield* connect(filename, { readonly: false })
  // Its log and shared memory inherit the mode. A folder that existed before may be open to others.
  if (size === 0) yield* Effect.ignore(attempt(() => chmodSync(filename, 0o600)))
  const statement = statements(filename, connection)
  const turn = makeTurn()
  const database = Database.of({
    run: (operation) => {
      const run = statement(operation)
      return (text, ...params) => turn.once(run(text, ...params))
    },
    immediate: (operation, body) => turn.held(immediately(statement(operation), body)),
    durable: (operation, body) =>
      turn.held(
        Effect.acquireUseRelease(
          flushing(connection, "FULL"),
          () => immediately(statement(operation), body),
          () => flushing(connection, "NORMAL"),
        ),
      ),
  })
  if (!examined) yield* recognise(filename, database.run("open"))
  yield* database.run("open")("PRAGMA journal_mode = WAL")
  yield* flushing(connection, "NORMAL")
  yield* migrate(filename, database)
  return database
})

/**
 * Turns on the connection: a transaction holds it. A statement that finds it free runs at once, in one step, which costs a tenth of a
 * turn; only when another process holds the lock does it wait, in its turn.
 */
const makeTurn = () => {
  const withPermit = Effect.unsafeMakeSemaphore(1).withPermits(1)
  let isHeld = false
  const setHeld = (value: boolean) => Effect.sync(() => void (isHeld = value))
  const held = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    withPermit(
      Effect.acquireUseRelease(
        setHeld(true),
        () => effect,
        () => setHeld(false),
      ),
    )
  const once = <A>(effect: Effect.Effect<A, StateStoreError>): Effect.Effect<A, StateStoreError> =>
    Effect.suspend(() =>
      isHeld
        ? held(patiently(effect))
        : Effect.catchAll(effect, (error) =>
            isLocked(error) ? held(patiently(effect)) : Effect.fail(error),
          ),
    )
  return { held, once }
}

/**
 * Size of the file in bytes. When there is none, returns 0 and creates its folders. The file is not opened: closing a descriptor of it
 * would drop the locks that SQLite holds on it in this process (POSIX).
 */
const sizeOf = Effect.fn("Database.sizeOf")(
  function* (filename: string) {
    const found = yield* attempt(() => statSync(filename, { throwIfNoEntry: false }))
    if (found === undefined) yield* makeFolder(dirname(filename))
    return found?.isFile() === false
      ? yield* new StateStoreError({ operation: "open", reason: `${filename} is not a file: move it away` })
      : (found?.size ?? 0)
  },
  (effect, filename) =>
    Effect.catchTag(
      effect,
      "UnknownException",
      ({ error }) =>
        new StateStoreError({
          operation: "open",
          reason: `${filename} cannot be reached or made (${errno(error)}): check the path and who owns its folders`,
          cause: error,
        }),
    ),
)

/** Step by step: when the system denies that a parent folder exists, as in /proc, node's `recursive` retries forever. */
const makeFolder = (path: string): Effect.Effect<void, Cause.UnknownException> => {
  const make = attempt(() => mkdirSync(path, { mode: 0o700 }))
  return make.pipe(
    Effect.catchIf(
      ({ error }) => errno(error) === "ENOENT" && dirname(path) !== path,
      () => Effect.zipRight(makeFolder(dirname(path)), make),
    ),
    Effect.catchIf(
      ({ error }) => errno(error) === "EEXIST",
      () => Effect.void,
    ),
  )
}

const attempt = <A>(call: () => A): Effect.Effect<A, Cause.UnknownException> => Effect.try(call)
const errno = (error: unknown): unknown => (error as NodeJS.ErrnoException).code

/**
 * Refuses a newer, a damaged or another program's database, through a read-only connection: a writing one would change the file when it
 * is closed.
 */
const examine = Effect.fn("Database.examine")(function* (filename: string, size: number) {
  const statement = statements(filename, yield* connect(filename, { readonly: true }))("open")
  const run: Run = (text) => patiently(statement(text))
  yield* recognise(filename, run)
  if (size > CHECKED_BYTES) return
  const [verdict] = yield* run("PRAGMA quick_check(1)")
  if (verdict?.["quick_check"] !== "ok")
    return yield* damaged(filename, "open", String(verdict?.["quick_check"]))
})

/** A crash before WAL was enabled left a rollback journal, which only a writing connection can roll back. */
const needsWriter = (error: StateStoreError): boolean => codeOf(error.cause) === "SQLITE_READONLY_ROLLBACK"

/** The check reads the whole file: about 1 ms per MiB. In a larger file, damage shows when it is read. */
const CHECKED_BYTES = 8 * 1024 * 1024

/**
 * Runs the missing migrations, each in one transaction. Not @effect/sql's Migrator: it uses a plain BEGIN, which loses against another
 * process that opens the file, without an error.
 */
const migrate = (filename: string, database: Context.Tag.Service<Database>) =>
  Effect.gen(function* () {
    if ((yield* versionOf(database.run("open"))) === SCHEMA_VERSION) return
    yield* database.immediate("migrate", (run) =>
      Effect.gen(function* () {
        const version = yield* recognise(filename, run)
        for (const text of migrations.slice(version).flat()) yield* run(text)
        yield* run(`PRAGMA user_version = ${SCHEMA_VERSION}`)
      }),
    )
  })

const versionOf = (run: Run): Effect.Effect<number, StateStoreError> =>
  Effect.map(run("PRAGMA user_version"), (rows) => Number(rows[0]?.["user_version"]))

/** The client's only connection, reserved: statements on it cost a third of the client's own. */
const connect = (
  filename: string,
  options: { readonly readonly: boolean },
): Effect.Effect<Connection, StateStoreError, Scope.Scope | Reactivity.Reactivity> =>
  SqliteClient.make({ filename, readonly: options.readonly, disableWAL: true }).pipe(
    Effect.catchAllDefect((cause) => sqliteFailure(filename, "open", cause)),
    Effect.flatMap((client) => client.reserve),
    Effect.tap((connection) => connection.executeRaw(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`, [])),
    Effect.catchTag("SqlError", (cause) => sqliteFailure(filename, "open", cause)),
  )

const statements =
  (filename: string, connection: Connection) =>
  (operation: string): Run =>
  (text, ...params) =>
    (connection.execute(text, params, undefined) as Effect.Effect<ReadonlyArray<Row>, SqlError>).pipe(
      Effect.mapError((cause) => sqliteFailure(filename, operation, cause)),
    )

/**
 * When the write-ahead log is flushed: FULL at each commit, NORMAL at each checkpoint. SQLite applies this pragma when its statement is
 * prepared, so it is prepared each time.
 */
const flushing = (connection: Connection, level: "FULL" | "NORMAL"): Effect.Effect<void> =>
  Effect.suspend(() => connection.executeUnprepared(`PRAGMA synchronous = ${level}`, [], undefined)).pipe(
    Effect.orDie,
    Effect.asVoid,
  )

/** BEGIN IMMEDIATE waits for the other writer. A plain BEGIN reads first, and SQLite then refuses its write at once. */
const immediately = <A, E>(
  run: Run,
  body: (run: Run) => Effect.Effect<A, E>,
): Effect.Effect<A, E | StateStoreError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const rollback = Effect.ignore(run("ROLLBACK"))
      yield* Effect.onInterrupt(restore(patiently(run("BEGIN IMMEDIATE"))), () => rollback)
      const exit = yield* Effect.exit(Effect.suspend(() => body(run)))
      yield* Exit.isSuccess(exit) ? Effect.tapError(run("COMMIT"), () => rollback) : rollback
      return yield* exit
    }),
  )

/**
 * SQLite's own wait blocks the whole process, including the fiber that holds the lock through another connection. So it is short, and
 * retried from here.
 */
const BUSY_TIMEOUT_MS = 200

/** Retries while another process holds the lock, up to 30 s. The first attempt uses no schedule: making one costs more than a write. */
const patiently = <A>(effect: Effect.Effect<A, StateStoreError>): Effect.Effect<A, StateStoreError> =>
  Effect.catchIf(effect, isLocked, () => Effect.retry(effect, { while: isLocked, schedule: patience }))

const isLocked = (error: StateStoreError): boolean => isBusy(error.cause)
const patience = Schedule.spaced("10 millis").pipe(Schedule.jittered, Schedule.upTo("30 seconds"))
