/** collectGarbage: finds and removes what no bottle needs any more. */
import { Clock, Duration, Effect, Option } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import type { Slug } from "../domain/Slug.ts"
import type { BackendBottle } from "../services/Backends.ts"
import { Backends } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import type { ForgeAccess } from "../domain/ForgeTarget.ts"
import type { ForgeEnv } from "../services/ForgeEnv.ts"
import { attestAll } from "./attest.ts"
import { engineOf } from "./bottleBackend.ts"
import { leftKeyGarbage } from "./deployKeys.ts"
import { destroyBottle, removeAll } from "./destroy.ts"
import { changeForgeRows } from "./forgeRows.ts"
import type { Engine, Garbage, Ownership } from "./garbage.ts"
import { isFree, ownership, touchedAt } from "./garbage.ts"
import { gitStoreGarbage } from "./gitStores.ts"
import { runGarbage, sidecarGarbage } from "./leftovers.ts"
import { DEFAULT_RETENTION, expiredGarbage, type Retention } from "./retention.ts"

export type { Garbage } from "./garbage.ts"

/** One piece of garbage, and what happened to it: nothing on a dry run. */
export interface GarbageEvent extends Garbage {
  readonly outcome: "found" | "removed" | "failed"
  /** Why it could not be removed. */
  readonly problem?: string
}

/** Options of `collectGarbage`. */
export interface GarbageOptions {
  /** List only, remove nothing. */
  readonly dryRun?: boolean
  /** The forge's address and token (`FORGE_GITEA_API`, `FORGE_GITEA_TOKEN`), used to revoke deploy keys there. */
  readonly forgeEnv?: ForgeEnv
  /** The same as values. They are used when both are given. */
  readonly forge?: ForgeAccess
  /** How long outputs and provenance are kept; 30 and 365 days unless given. `false`: they are not removed. */
  readonly retention?: Retention | false
  /** Called with each piece once it is removed or, on a dry run, found. */
  readonly observe?: (event: GarbageEvent) => Effect.Effect<void>
}

/** Anything younger may be part of a launch in progress. */
export const GARBAGE_AGE = Duration.minutes(10)

/**
 * Removes what no bottle needs. It never removes anything leased; anything younger than ten minutes (except keys, whose use is known);
 * a bottle that has both its row and its box or artifact, unless its destroy has begun; or anything of a backend that cannot be
 * reached. A row whose box is gone is removed only if the engine that the row names says so, or if its launch died before it could name
 * one, and never if the bottle is frozen. Continues after a failure, and fails with the first one.
 */
export const collectGarbage = Effect.fn("collectGarbage")(function* (options: GarbageOptions = {}) {
  const before = (yield* Clock.currentTimeMillis) - Duration.toMillis(GARBAGE_AGE)
  if (options.dryRun !== true) yield* attestAll
  const rows = yield* (yield* BottleStore).all
  const engines = yield* askBackends(rows)
  const found = yield* Effect.forEach(engines, (engine) => ofBackend(engine, rows, before))
  const goes = new Set(found.flat().map(({ item }) => item.slug))
  const idle = yield* sidecarGarbage(engines, rows, before)
  const runs = yield* runGarbage(engines, rows, before)
  const keys = yield* leftKeyGarbage(options)
  const stores = yield* gitStoreGarbage()
  const { retention = DEFAULT_RETENTION } = options
  const expired = retention === false ? [] : yield* expiredGarbage(retention)
  const garbage = [
    ...found.flat(),
    ...[...idle, ...runs].filter(({ item }) => !goes.has(item.slug)),
    ...keys,
    ...stores,
    ...expired.filter(({ item }) => !goes.has(item.slug)),
  ]
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

/** Warns about a backend that cannot be reached when a bottle has a row for it. Nothing of such a backend is removed. */
const askBackends = Effect.fn("askBackends")(function* (rows: ReadonlyArray<BottleMetadata>) {
  const backends = yield* Backends
  const ask = Effect.fnUntraced(function* (known: string) {
    const backend = yield* backends.get(known)
    const { artifacts, builds, ...all } = yield* Effect.all({
      boxes: backend.list,
      artifacts: backend.artifacts,
      builds: backend.builds?.unneeded ?? Effect.succeed([]),
    })
    const name = backend.engine === undefined ? Option.none<string>() : yield* Effect.asSome(backend.engine)
    return { backend, name, artifacts, builds, boxes: new Map(all.boxes.map((box) => [box.slug, box])) }
  })
  const asked = yield* Effect.forEach(backends.names, (name) =>
    Effect.catchAll(Effect.asSome(ask(name)), (error) =>
      Effect.as(
        rows.some((row) => row.spec.backend === name)
          ? Effect.logWarning(`${error.message}; none of its garbage is collected`)
          : Effect.logDebug(error.message),
        Option.none<Engine>(),
      ),
    ),
  )
  return asked.flatMap(Option.toArray)
})

const ofBackend = Effect.fn("garbageOfBackend")(function* (
  engine: Engine,
  rows: ReadonlyArray<BottleMetadata>,
  before: number,
) {
  const { backend, boxes, artifacts, builds } = engine
  const store = yield* BottleStore
  const bySlug = new Map(rows.map((row) => [row.slug, row]))
  const references = new Set(artifacts.map(({ reference }) => reference))
  const free = yield* Effect.filter(rows, (row) =>
    row.spec.backend === backend.name && touchedAt(row) < before && ownership(engine.name, row) !== "other"
      ? isFree(row.slug)
      : Effect.succeed(false),
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
      strangers.set(slug, item("artifact", slug, `no bottle uses it: ${reference}`))
    }
  }
  for (const { slug, state, createdAt = Infinity } of boxes.values()) {
    if (bySlug.has(slug)) continue
    if (createdAt < before) strangers.set(slug, item("box", slug, `${state}, and it has no row`))
    else strangers.delete(slug)
  }
  const halves = free.filter((row) =>
    isHalf(row, Option.fromNullable(boxes.get(row.slug)), ownership(engine.name, row)),
  )
  const superseded = free.flatMap((row) => {
    const old = artifacts.filter(
      ({ slug, reference, createdAt }) =>
        slug === row.slug && createdAt < before && reference !== Option.getOrUndefined(row.artifact),
    )
    const hasNewest = Option.exists(row.artifact, (newest) => references.has(newest))
    return hasNewest && !boxes.has(row.slug) && old.length > 0 ? [{ row, old }] : []
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
          : boxes.has(row.slug) || Option.isNone(row.startedAt)
            ? "its launch died before its agent ran"
            : "its engine has nothing left of it",
      ),
      remove: store.withOperation(
        row.slug,
        "destroy",
        Effect.gen(function* () {
          const now = yield* store.get(row.slug)
          if (Option.isNone(now)) return false
          const box = yield* backend.inspect(row.slug)
          if (!isHalf(now.value, box, yield* engineOf(backend, now.value))) return false
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

/**
 * Whether a bottle is only a row, a launch that died before its agent ran, or a destroy half-way. A missing box counts only if the
 * engine that the row names was asked, or if the launch died before it could name one: that comes before anything is created. Never
 * true for a frozen bottle, even if its artifact is gone.
 */
const isHalf = (row: BottleMetadata, box: Option.Option<BackendBottle>, engine: Ownership): boolean => {
  const isUnmade = Option.isNone(row.engine) && Option.isNone(row.startedAt)
  if (Option.isNone(box) ? engine !== "own" && !isUnmade : engine === "other") return false
  return (
    Option.isSome(row.destroyingAt) ||
    (Option.isNone(row.artifact) &&
      Option.match(box, { onNone: () => true, onSome: ({ state }) => state === "created" }))
  )
}
