/** BottleStore on SQLite: metadata as JSON in the row of its slug, and the two leases beside it. */
import { Array as Arr, Effect, Layer, Option, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { BottleMetadata } from "../../domain/Bottle.ts"
import { BottleBusy, BottleNotFound, StateStoreError } from "../../domain/Errors.ts"
import { instantOf } from "../../domain/Instant.ts"
import type { Slug } from "../../domain/Slug.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { isAlive, self } from "../process/ProcessIdentity.ts"
import { ProcessIdentity } from "../../domain/ProcessIdentity.ts"
import type { ProvenanceStore } from "../../services/ProvenanceStore.ts"
import * as Database from "./Database.ts"
import * as SqliteProvenanceStore from "./SqliteProvenanceStore.ts"
import type { DatabaseOptions } from "./Database.ts"
import type { Row, Run } from "./run.ts"

export type { DatabaseOptions } from "./Database.ts"

/**
 * The store in the home's database, or in `filename`, and the statements about runs beside it. Processes may share it. Fails when the
 * database is newer, damaged or inaccessible.
 */
export const layer = (
  options: DatabaseOptions = {},
): Layer.Layer<BottleStore | ProvenanceStore, StateStoreError> =>
  Layer.merge(
    Layer.effect(BottleStore, make).pipe(Layer.provide(Database.layer(options))),
    SqliteProvenanceStore.layer(options),
  )

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  const holder = yield* self

  /** Runs `effect` with the lease, which is always released at the end. */
  const leased = <A, E, R>(kind: LeaseKind, slug: Slug, name: string, effect: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      database.immediate(name, (run) => take(run, kind, slug, { ...holder, name, token: randomUUID() })),
      () => effect,
      (lease) =>
        database
          .run(name)(`UPDATE bottles SET ${kind} = NULL WHERE slug = ? AND ${kind} = ?`, slug, lease)
          .pipe(
            Effect.catchAll((error) =>
              Effect.logError(`the lease of bottle "${slug}" stays until this process ends`, error),
            ),
          ),
    )

  return BottleStore.of({
    put: Effect.fn("BottleStore.put")((bottle) => put(database.run("put"), "put", bottle)),
    mint: Effect.fn("BottleStore.mint")((make) =>
      database.immediate("mint", (run) =>
        readAll(run, "mint").pipe(
          Effect.map(make),
          Effect.tap((bottle) => insert(run, bottle)),
        ),
      ),
    ),
    get: Effect.fn("BottleStore.get")((slug) => read(database.run("get"), "get", slug)),
    modify: Effect.fn("BottleStore.modify")((slug, change) =>
      database.immediate("modify", (run) =>
        read(run, "modify", slug).pipe(
          Effect.map(Option.map((current) => new BottleMetadata({ ...change(current), slug }))),
          Effect.tap(Option.match({ onNone: () => Effect.void, onSome: (next) => put(run, "modify", next) })),
        ),
      ),
    ),
    remove: Effect.fn("BottleStore.remove")((slug) =>
      Effect.zipRight(
        database.run("remove")("DELETE FROM bottles WHERE slug = ?", slug),
        Effect.sync(() => void decoded.delete(slug)),
      ),
    ),
    all: Effect.withSpan(
      Effect.suspend(() => readAll(database.run("all"), "all")),
      "BottleStore.all",
    ),
    withOperation: (slug, operation, effect) => leased("operation", slug, operation, effect),
    watch: (slug, effect) => leased("watcher", slug, "watch", effect),
    leases: Effect.fn("BottleStore.leases")(function* (slug) {
      const run = database.run("leases")
      const operation = yield* liveLease(run, "operation", slug)
      const watcher = yield* liveLease(run, "watcher", slug)
      return {
        ...(Option.isSome(operation) && {
          operation: { name: operation.value.name, pid: operation.value.pid },
        }),
        ...(Option.isSome(watcher) && { watcher: watcher.value.pid }),
      }
    }),
  })
})

/** The column that holds a lease. */
type LeaseKind = "operation" | "watcher"

/** Who holds a lease and for what. `token` distinguishes two leases of one process. */
const Lease = Schema.parseJson(
  Schema.Struct({ ...ProcessIdentity.fields, name: Schema.String, token: Schema.String }),
)
type Lease = typeof Lease.Type

/** Takes a lease that is free or whose process is gone. Returns its text in the row. */
const take = Effect.fn("BottleStore.take")(function* (run: Run, kind: LeaseKind, slug: Slug, lease: Lease) {
  const held = yield* liveLease(run, kind, slug)
  if (Option.isSome(held))
    return yield* new BottleBusy({ slug, operation: held.value.name, pid: held.value.pid })
  const text = JSON.stringify(lease)
  const rows = yield* run(`UPDATE bottles SET ${kind} = ? WHERE slug = ? RETURNING slug`, text, slug)
  if (rows.length === 0) return yield* new BottleNotFound({ slug })
  return text
})

const liveLease = Effect.fn("BottleStore.liveLease")(function* (run: Run, kind: LeaseKind, slug: Slug) {
  const [row] = yield* run(`SELECT ${kind} AS lease FROM bottles WHERE slug = ?`, slug)
  if (row === undefined || row["lease"] === null) return Option.none<Lease>()
  const lease = yield* Effect.mapError(decodeLease(row["lease"]), unreadable("leases", slug))
  return (yield* isAlive(lease)) ? Option.some(lease) : Option.none<Lease>()
})
const decodeLease = Schema.decodeUnknown(Lease)

const INSERT = "INSERT INTO bottles (slug, created_ms, metadata) VALUES (?, ?, ?)"
const REPLACE = "ON CONFLICT DO UPDATE SET created_ms = excluded.created_ms, metadata = excluded.metadata"

const columns = (operation: string, bottle: BottleMetadata) =>
  encodeMetadata(bottle).pipe(
    Effect.map((metadata) => [bottle.slug, instantOf(bottle.createdAt), metadata] as const),
    Effect.mapError(
      (cause) =>
        new StateStoreError({ operation, reason: `bottle "${bottle.slug}" cannot be written`, cause }),
    ),
  )

const put = (run: Run, operation: string, bottle: BottleMetadata): Effect.Effect<void, StateStoreError> =>
  Effect.asVoid(
    Effect.flatMap(columns(operation, bottle), (values) => run(`${INSERT} ${REPLACE}`, ...values)),
  )

const insert = (run: Run, bottle: BottleMetadata): Effect.Effect<void, StateStoreError> =>
  columns("mint", bottle).pipe(
    Effect.flatMap((values) => run(`${INSERT} ON CONFLICT DO NOTHING RETURNING slug`, ...values)),
    Effect.filterOrFail(
      (rows) => rows.length > 0,
      () =>
        new StateStoreError({
          operation: "mint",
          reason: `there is already a bottle "${bottle.slug}"`,
        }),
    ),
    Effect.asVoid,
  )

const read = (
  run: Run,
  operation: string,
  slug: Slug,
): Effect.Effect<Option.Option<BottleMetadata>, StateStoreError> =>
  run("SELECT slug, metadata FROM bottles WHERE slug = ?", slug).pipe(
    Effect.flatMap(decodeAll(operation)),
    Effect.map(Arr.head),
  )

const readAll = (run: Run, operation: string) =>
  Effect.flatMap(run("SELECT slug, metadata FROM bottles ORDER BY created_ms, rowid"), decodeAll(operation))

const Metadata = Schema.parseJson(BottleMetadata)
const encodeMetadata = Schema.encode(Metadata)
const decodeMetadata = Schema.decodeUnknown(Metadata)

/** A bottle, and the text of its row. */
interface Decoded {
  readonly metadata: unknown
  readonly bottle: BottleMetadata
}

/** Rows as they were decoded last, by slug: an orchestrator reads all of them for each start, and few have changed. */
const decoded = new Map<unknown, Decoded>()
/** Rows that were read one by one, and that another process has removed since, are never seen again. */
const DECODED_MAX = 10_000

const known = ({ slug, metadata }: Row): BottleMetadata | undefined => {
  const last = decoded.get(slug)
  return last?.metadata === metadata ? last?.bottle : undefined
}

const decodeAll = (operation: string) => (rows: ReadonlyArray<Row>) => {
  const all = rows.flatMap((row) => known(row) ?? [])
  // An effect for each row would cost more than the row.
  if (all.length === rows.length) return Effect.succeed(all)
  return Effect.forEach(rows, (row) => {
    const bottle = known(row)
    if (bottle !== undefined) return Effect.succeed(bottle)
    const { slug, metadata } = row
    return decodeMetadata(metadata).pipe(
      Effect.tap((bottle) =>
        Effect.sync(() => {
          if (decoded.size >= DECODED_MAX) decoded.clear()
          decoded.set(slug, { metadata, bottle })
        }),
      ),
      Effect.mapError(unreadable(operation, String(slug))),
    )
  })
}

const unreadable = (operation: string, slug: string) => (cause: unknown) =>
  new StateStoreError({
    operation,
    reason: `the row of bottle "${slug}" was written by another version and cannot be read: use that version, or remove the row`,
    cause,
  })
