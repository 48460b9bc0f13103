/** ForgeStateStore stores which bottle handles which issue. Every method is atomic, also between processes. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { ForgePr, ForgeState, ForgeStateKey } from "../domain/ForgeState.ts"

/** ForgeStateStore stores which bottle handles which issue. */
export class ForgeStateStore extends Context.Tag("bot-bottle/ForgeStateStore")<
  ForgeStateStore,
  {
    /** Inserts or replaces the row of the state's key. */
    readonly upsert: (state: ForgeState) => Effect.Effect<void, StateStoreError>
    readonly get: (key: ForgeStateKey) => Effect.Effect<Option.Option<ForgeState>, StateStoreError>
    /** Idempotent. */
    readonly delete: (key: ForgeStateKey) => Effect.Effect<void, StateStoreError>
    /** Ordered by forge, owner, repo, issue number. */
    readonly all: Effect.Effect<ReadonlyArray<ForgeState>, StateStoreError>
    /** Running rows, in the same order. */
    readonly running: Effect.Effect<ReadonlyArray<ForgeState>, StateStoreError>
    /** Rows whose run opened this pull request, in the same order. Names are compared case-insensitively. */
    readonly ofPr: (pr: ForgePr) => Effect.Effect<ReadonlyArray<ForgeState>, StateStoreError>
    /**
     * In one immediate transaction, reads the row and writes the one that `change` returns (`None` removes it). Returns the first value
     * of `change`.
     */
    readonly modify: <A>(
      key: ForgeStateKey,
      change: (current: Option.Option<ForgeState>) => readonly [A, Option.Option<ForgeState>],
    ) => Effect.Effect<A, StateStoreError>
    /** Running rows whose check-in is older than `before` (ISO 8601), compared as instants. `""` is older than all. */
    readonly stale: (before: string) => Effect.Effect<ReadonlyArray<ForgeState>, StateStoreError>
  }
>() {}
