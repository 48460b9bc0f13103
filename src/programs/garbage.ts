/** garbage: what `collectGarbage` calls garbage, and how it tells whose a bottle is and whether somebody works on it. */
import { Effect, Option } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend, BackendArtifact, BackendBottle, BackendBuild } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"

/**
 * Something that no bottle needs: a box or an artifact without a row, a row whose launch died before its agent
 * ran, or whose engine has nothing left of it, an artifact that a later freeze superseded, a sidecar whose agent
 * does not run, a run directory without a row, an image that was built of a manifest and is not what would be built or
 * used now, a deploy key that no run uses, a store of upstream objects that no bottle has used for a day.
 */
export interface Garbage {
  readonly kind: "box" | "row" | "artifact" | "sidecar" | "run" | "image" | "key" | "store"
  /** `""` for an image and a store, which any bottle may use, and for a run directory that does not say whose it was. */
  readonly slug: Slug | ""
  /** `""` for a sidecar, a run directory, a key and a store. */
  readonly backend: string
  /** Why it is garbage, and its name where the slug is not enough. */
  readonly reason: string
}

/** A backend that could be asked, and what it has. */
export interface Engine {
  readonly backend: Backend
  readonly boxes: ReadonlyMap<Slug, BackendBottle>
  readonly artifacts: ReadonlyArray<BackendArtifact>
  readonly builds: ReadonlyArray<BackendBuild>
  /** Its name; none when it does not say. */
  readonly name: Option.Option<string>
}

/** When the newest launch of a bottle began, or its destroy, in milliseconds since the epoch. */
export const touchedAt = ({ destroyingAt, startedAt, createdAt }: BottleMetadata): number =>
  Date.parse(
    Option.getOrElse(
      Option.orElse(destroyingAt, () => startedAt),
      () => createdAt,
    ),
  )

/** Whether no command works on a bottle and nobody watches it. */
export const isFree = (slug: Slug) =>
  Effect.flatMap(BottleStore, (store) =>
    Effect.map(
      store.leases(slug),
      ({ operation, watcher }) => operation === undefined && watcher === undefined,
    ),
  )

/** Whether the engine that was asked is a bottle's own; `unknown`: one of them names none. */
export type Ownership = "own" | "other" | "unknown"

/** Whether an engine is a bottle's own: as `engineOf`, with a name that was asked before. */
export const ownership = (engine: Option.Option<string>, row: BottleMetadata): Ownership =>
  Option.isNone(engine) || Option.isNone(row.engine)
    ? "unknown"
    : engine.value === row.engine.value
      ? "own"
      : "other"
