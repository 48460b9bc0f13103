/** BottleStore keeps the metadata and the two leases of each slug; every method is atomic, between processes too. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import type { BottleBusy, BottleNotFound, StateStoreError } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"

/** The short, exclusive operations on a bottle. */
export type BottleOperation = "launch" | "resume" | "stop" | "freeze" | "destroy"

/** BottleStore keeps the metadata and the two leases of each slug. */
export class BottleStore extends Context.Tag("bot-bottle/BottleStore")<
  BottleStore,
  {
    /** Inserts or replaces the metadata; leases stay as they are. */
    readonly put: (bottle: BottleMetadata) => Effect.Effect<void, StateStoreError>
    /** Makes a new row from all rows there are, in one immediate transaction: how labels and slugs stay unique. */
    readonly mint: (
      make: (all: ReadonlyArray<BottleMetadata>) => BottleMetadata,
    ) => Effect.Effect<BottleMetadata, StateStoreError>
    readonly get: (slug: Slug) => Effect.Effect<Option.Option<BottleMetadata>, StateStoreError>
    /** Changes a row in one immediate transaction; answers the new one, none when there is no row. */
    readonly modify: (
      slug: Slug,
      change: (current: BottleMetadata) => BottleMetadata,
    ) => Effect.Effect<Option.Option<BottleMetadata>, StateStoreError>
    /** Idempotent. */
    readonly remove: (slug: Slug) => Effect.Effect<void, StateStoreError>
    /** Oldest first. */
    readonly all: Effect.Effect<ReadonlyArray<BottleMetadata>, StateStoreError>
    /** Runs `effect` with the slug's `operation` lease, else fails with `BottleBusy`. A lease of a process that is gone is taken over. */
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
    /** The operation under way and the watcher of a slug, as process ids of live processes. */
    readonly leases: (
      slug: Slug,
    ) => Effect.Effect<
      { readonly operation?: { name: string; pid: number }; readonly watcher?: number },
      StateStoreError
    >
  }
>() {}
