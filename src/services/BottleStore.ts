/** BottleStore stores the metadata and the two leases of each slug. Every method is atomic, also between processes. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import type { BottleBusy, BottleNotFound, StateStoreError } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"

/** The short operations on a bottle that exclude each other. */
export type BottleOperation = "launch" | "resume" | "stop" | "freeze" | "destroy" | "copy"

/** BottleStore stores the metadata and the two leases of each slug. */
export class BottleStore extends Context.Tag("bot-bottle/BottleStore")<
  BottleStore,
  {
    /** Inserts or replaces the metadata. Leases are unchanged. */
    readonly put: (bottle: BottleMetadata) => Effect.Effect<void, StateStoreError>
    /** Makes a new row from all existing rows in one immediate transaction. This keeps labels and slugs unique. */
    readonly mint: (
      make: (all: ReadonlyArray<BottleMetadata>) => BottleMetadata,
    ) => Effect.Effect<BottleMetadata, StateStoreError>
    readonly get: (slug: Slug) => Effect.Effect<Option.Option<BottleMetadata>, StateStoreError>
    /** Changes a row in one immediate transaction. Returns the new row; none when there is no row. */
    readonly modify: (
      slug: Slug,
      change: (current: BottleMetadata) => BottleMetadata,
    ) => Effect.Effect<Option.Option<BottleMetadata>, StateStoreError>
    /** Idempotent. */
    readonly remove: (slug: Slug) => Effect.Effect<void, StateStoreError>
    /** Oldest first. */
    readonly all: Effect.Effect<ReadonlyArray<BottleMetadata>, StateStoreError>
    /** Runs `effect` while it holds the slug's `operation` lease, or fails with `BottleBusy`. Takes over a lease whose process is gone. */
    readonly withOperation: <A, E, R>(
      slug: Slug,
      operation: BottleOperation,
      effect: Effect.Effect<A, E, R>,
    ) => Effect.Effect<A, E | BottleBusy | BottleNotFound | StateStoreError, R>
    /** The same with the `watcher` lease, which does not exclude operations. */
    readonly watch: <A, E, R>(
      slug: Slug,
      effect: Effect.Effect<A, E, R>,
    ) => Effect.Effect<A, E | BottleBusy | BottleNotFound | StateStoreError, R>
    /** The running operation and the watcher of a slug, as process IDs of live processes. */
    readonly leases: (
      slug: Slug,
    ) => Effect.Effect<
      { readonly operation?: { name: string; pid: number }; readonly watcher?: number },
      StateStoreError
    >
  }
>() {}
