/** garbage: what `collectGarbage` counts as garbage, which bottle it belongs to, and whether that bottle is in use. */
import { Effect, Option } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend, BackendArtifact, BackendBottle, BackendBuild } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"

/**
 * Something that no bottle needs: a box or an artifact without a row; a row whose launch died before its agent ran, or whose engine has
 * nothing left of it; an artifact that a later freeze superseded; a sidecar whose agent is not running; a run directory without a row;
 * an image built from a manifest that would no longer be built or used; a deploy key that no run uses; a store of upstream objects that
 * no bottle has used for a day; the output of a run, or the provenance of a destroyed bottle, that is older than its retention.
 */
export interface Garbage {
  readonly kind:
    | "box"
    | "row"
    | "artifact"
    | "sidecar"
    | "run"
    | "image"
    | "key"
    | "store"
    | "output"
    | "provenance"
  /** `""` for an image and a store, which any bottle may use, and for a run directory that does not record its slug. */
  readonly slug: Slug | ""
  /** `""` for a sidecar, a run directory, a key, a store, an output and provenance. */
  readonly backend: string
  /** Why it is garbage, and its name if the slug is not enough. */
  readonly reason: string
}

/** A backend that responded, and what it has. */
export interface Engine {
  readonly backend: Backend
  readonly boxes: ReadonlyMap<Slug, BackendBottle>
  readonly artifacts: ReadonlyArray<BackendArtifact>
  readonly builds: ReadonlyArray<BackendBuild>
  /** Name of its engine; none when it does not say. */
  readonly name: Option.Option<string>
}

/** When the newest launch of a bottle, or its destroy, began, in milliseconds since the epoch. */
export const touchedAt = ({ destroyingAt, startedAt, createdAt }: BottleMetadata): number =>
  Date.parse(
    Option.getOrElse(
      Option.orElse(destroyingAt, () => startedAt),
      () => createdAt,
    ),
  )

/** Whether a bottle has no running command and no watcher. */
export const isFree = (slug: Slug) =>
  Effect.flatMap(BottleStore, (store) =>
    Effect.map(
      store.leases(slug),
      ({ operation, watcher }) => operation === undefined && watcher === undefined,
    ),
  )

/** Whether the asked engine is the bottle's own. `unknown`: one of them names none. */
export type Ownership = "own" | "other" | "unknown"

/** Whether an engine is the bottle's own: as `engineOf`, with a name that was read before. */
export const ownership = (engine: Option.Option<string>, row: BottleMetadata): Ownership =>
  Option.isNone(engine) || Option.isNone(row.engine)
    ? "unknown"
    : engine.value === row.engine.value
      ? "own"
      : "other"
