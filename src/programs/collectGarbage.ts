/** collectGarbage: finds what no bottle needs any more, and removes it. */
import { Clock, Duration, Effect, Option } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend, BackendArtifact, BackendBottle, BackendBuild } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { Sidecar } from "../services/Sidecar.ts"
import type { ForgeEnv } from "../services/Sidecar.ts"
import { leftKeyGarbage } from "./deployKeys.ts"
import { destroyBottle, removeAll } from "./destroy.ts"
import { stopSidecar } from "./discard.ts"
import { changeForgeRows } from "./forgeRows.ts"
import { gitStoreGarbage } from "./gitStores.ts"

/**
 * Something that no bottle needs: a box or an artifact without a row, a row whose launch died before its agent
 * ran, an artifact that a later freeze superseded, a sidecar whose agent does not run, an image that was built of
 * a manifest and is not what would be built or used now, a deploy key that no run uses, a store of upstream objects
 * that no bottle has used for a day.
 */
export interface Garbage {
  readonly kind: "box" | "row" | "artifact" | "sidecar" | "image" | "key" | "store"
  /** `""` for an image and a store, which any bottle may use. */
  readonly slug: Slug | ""
  /** `""` for a sidecar, a key and a store. */
  readonly backend: string
  /** Why it is garbage, and its name where the slug is not enough. */
  readonly reason: string
}

/** One piece of garbage, and what became of it: nothing on a dry run. */
export interface GarbageEvent extends Garbage {
  readonly outcome: "found" | "removed" | "failed"
  /** Of a failure: why. */
  readonly problem?: string
}

/** Options of `collectGarbage`. */
export interface GarbageOptions {
  /** Tell, and remove nothing. */
  readonly dryRun?: boolean
  /** The forge's address and token (`FORGE_GITEA_API`, `FORGE_GITEA_TOKEN`), with which deploy keys are revoked there. */
  readonly forgeEnv?: ForgeEnv
  /** Told each piece, once it is removed, or found on a dry run. */
  readonly observe?: (event: GarbageEvent) => Effect.Effect<void>
}

/** What is younger may be part of something under way. */
export const GARBAGE_AGE = Duration.minutes(10)

/**
 * Removes what no bottle needs. Never anything leased, younger than ten minutes (but keys: it is known of each
 * whether it is used), or a bottle that has a row and has run, unless its destroy was begun; nothing of a backend
 * that cannot be asked now. Goes on after a failure, and fails with the first.
 */
export const collectGarbage = Effect.fn("collectGarbage")(function* (options: GarbageOptions = {}) {
  const before = (yield* Clock.currentTimeMillis) - Duration.toMillis(GARBAGE_AGE)
  const rows = yield* (yield* BottleStore).all
  const engines = yield* askBackends(rows)
  const found = yield* Effect.forEach(engines, (engine) => ofBackend(engine, rows, before))
  const goes = new Set(found.flat().map(({ item }) => item.slug))
  const idle = yield* sidecars(engines, rows, before)
  const keys = yield* leftKeyGarbage(options.forgeEnv ?? {})
  const stores = yield* gitStoreGarbage()
  const garbage = [...found.flat(), ...idle.filter(({ item }) => !goes.has(item.slug)), ...keys, ...stores]
  const tell = (event: GarbageEvent) => options.observe?.(event) ?? Effect.void
  const failures = yield* Effect.forEach(garbage, ({ item, remove }) =>
    options.dryRun === true
      ? Effect.as(tell({ ...item, outcome: "found" }), [])
      : Effect.gen(function* () {
          return yield* remove
        }).pipe(
          Effect.catchTag("BottleBusy", "BottleNotFound", () => Effect.succeed(false)),
          Effect.matchEffect({
            onSuccess: (removed) =>
              Effect.as(
                Effect.when(tell({ ...item, outcome: "removed" }), () => removed),
                [],
              ),
            onFailure: (error) =>
              Effect.as(tell({ ...item, outcome: "failed", problem: error.message }), [error]),
          }),
        ),
  )
  const [first] = failures.flat()
  if (first !== undefined) return yield* first
})

/** A backend that could be asked, and what it has. */
interface Engine {
  readonly backend: Backend
  readonly boxes: ReadonlyMap<Slug, BackendBottle>
  readonly artifacts: ReadonlyArray<BackendArtifact>
  readonly builds: ReadonlyArray<BackendBuild>
}

/** One that cannot be asked is a warning when a bottle of it has a row: nothing is known of it, so nothing is removed. */
const askBackends = Effect.fn("askBackends")(function* (rows: ReadonlyArray<BottleMetadata>) {
  const backends = yield* Backends
  const ask = Effect.fnUntraced(function* (name: string) {
    const backend = yield* backends.get(name)
    const { artifacts, builds, ...all } = yield* Effect.all({
      boxes: backend.list,
      artifacts: backend.artifacts,
      builds: backend.builds?.unneeded ?? Effect.succeed([]),
    })
    return { backend, artifacts, builds, boxes: new Map(all.boxes.map((box) => [box.slug, box])) }
  })
  const asked = yield* Effect.forEach(backends.names, (name) =>
    Effect.catchAll(Effect.asSome(ask(name)), (error) =>
      Effect.as(
        rows.some((row) => row.spec.backend === name)
          ? Effect.logWarning(`${error.message}; nothing of it is collected`)
          : Effect.logDebug(error.message),
        Option.none<Engine>(),
      ),
    ),
  )
  return asked.flatMap(Option.toArray)
})

const ofBackend = Effect.fn("garbageOfBackend")(function* (
  { backend, boxes, artifacts, builds }: Engine,
  rows: ReadonlyArray<BottleMetadata>,
  before: number,
) {
  const store = yield* BottleStore
  const bySlug = new Map(rows.map((row) => [row.slug, row]))
  const free = yield* Effect.filter(rows, (row) =>
    row.spec.backend === backend.name && touchedAt(row) < before ? isFree(row.slug) : Effect.succeed(false),
  )
  const item = (kind: Garbage["kind"], slug: Garbage["slug"], reason: string): Garbage => ({
    kind,
    slug,
    backend: backend.name,
    reason,
  })

  const strangers = new Map<Slug, Garbage>()
  for (const { slug, reference, createdAt } of artifacts) {
    if (!bySlug.has(slug) && createdAt < before) {
      strangers.set(slug, item("artifact", slug, `no bottle has it: ${reference}`))
    }
  }
  for (const { slug, state, createdAt = Infinity } of boxes.values()) {
    if (bySlug.has(slug)) continue
    if (createdAt < before) strangers.set(slug, item("box", slug, `${state}, and there is no row of it`))
    else strangers.delete(slug)
  }
  const halves = free.filter((row) => isHalf(row, Option.fromNullable(boxes.get(row.slug))))
  const superseded = free.flatMap((row) => {
    const old = artifacts.filter(
      ({ slug, reference, createdAt }) =>
        slug === row.slug && createdAt < before && reference !== Option.getOrUndefined(row.artifact),
    )
    return Option.isSome(row.artifact) && !boxes.has(row.slug) && old.length > 0 ? [{ row, old }] : []
  })

  return [
    ...[...strangers].map(([slug, found]) => ({
      item: found,
      remove: Effect.gen(function* () {
        if (Option.isSome(yield* store.get(slug))) return false
        yield* removeAll(backend, slug)
        yield* changeForgeRows(slug, { status: "destroyed" })
        return true
      }),
    })),
    ...halves.map((row) => ({
      item: item(
        "row",
        row.slug,
        Option.isSome(row.destroyingAt)
          ? "its destroy was interrupted"
          : "its launch died before its agent ran",
      ),
      remove: store.withOperation(
        row.slug,
        "destroy",
        Effect.gen(function* () {
          const now = yield* store.get(row.slug)
          const box = yield* backend.inspect(row.slug)
          if (!Option.exists(now, (current) => isHalf(current, box))) return false
          yield* destroyBottle(backend, row.slug)
          return true
        }),
      ),
    })),
    ...superseded.map(({ row, old }) => ({
      item: item("artifact", row.slug, `superseded: ${old.map(({ reference }) => reference).join(", ")}`),
      remove: store.withOperation(
        row.slug,
        "freeze",
        Effect.gen(function* () {
          const now = yield* store.get(row.slug)
          const keep = Option.flatMap(now, ({ artifact }) => artifact)
          if (Option.isNone(keep) || Option.isSome(yield* backend.inspect(row.slug))) return false
          yield* backend.removeArtifacts(row.slug, keep)
          return true
        }),
      ),
    })),
    ...builds
      .filter(({ createdAt }) => createdAt < before)
      .map(({ reference, reason }) => ({
        item: item("image", "", `${reason}: ${reference}`),
        remove: Effect.as(backend.builds?.remove(reference) ?? Effect.void, true),
      })),
  ]
})

/** Sidecars whose agent does not run; one of a bottle whose backend cannot be asked is left alone. */
const sidecars = Effect.fn("garbageSidecars")(function* (
  engines: ReadonlyArray<Engine>,
  rows: ReadonlyArray<BottleMetadata>,
  before: number,
) {
  const store = yield* BottleStore
  const running = yield* (yield* Sidecar).list
  const serving = new Set(
    engines.flatMap(({ boxes }) =>
      [...boxes.values()].filter(({ state }) => state !== "exited").map(({ slug }) => slug),
    ),
  )
  const idle = yield* Effect.filter(
    running.filter(({ slug, since }) => since < before && !serving.has(slug)),
    ({ slug }) => isFree(slug),
  )
  return idle.flatMap(({ slug }) => {
    const item: Garbage = { kind: "sidecar", slug, backend: "", reason: "its agent does not run" }
    const row = rows.find((candidate) => candidate.slug === slug)
    if (row === undefined) return [{ item, remove: Effect.as(stopSidecar(slug), true) }]
    const engine = engines.find(({ backend }) => backend.name === row.spec.backend)
    if (engine === undefined || touchedAt(row) >= before) return []
    const remove = Effect.gen(function* () {
      const box = yield* engine.backend.inspect(slug)
      if (Option.exists(box, ({ state }) => state !== "exited")) return false
      yield* stopSidecar(slug)
      return true
    })
    return [{ item, remove: store.withOperation(slug, "stop", remove) }]
  })
})

/** When the newest launch of a bottle began, or its destroy, in milliseconds since the epoch. */
const touchedAt = ({ destroyingAt, startedAt, createdAt }: BottleMetadata): number =>
  Date.parse(
    Option.getOrElse(
      Option.orElse(destroyingAt, () => startedAt),
      () => createdAt,
    ),
  )

const isFree = (slug: Slug) =>
  Effect.flatMap(BottleStore, (store) =>
    Effect.map(
      store.leases(slug),
      ({ operation, watcher }) => operation === undefined && watcher === undefined,
    ),
  )

/**
 * Whether a launch died before its agent ran, or a destroy half-way. A row that says that it ran, but of which its
 * engine has nothing, is none: the engine may be another one than it was.
 */
const isHalf = (row: BottleMetadata, box: Option.Option<BackendBottle>): boolean =>
  Option.isSome(row.destroyingAt) ||
  (Option.isNone(row.artifact) &&
    Option.match(box, {
      onNone: () => Option.isNone(row.startedAt),
      onSome: ({ state }) => state === "created",
    }))
