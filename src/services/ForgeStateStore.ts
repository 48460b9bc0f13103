/** ForgeStateStore keeps which bottle handles which issue; every method is atomic, between processes too. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { ForgeState, ForgeStateKey } from "../domain/ForgeState.ts"

/** ForgeStateStore keeps which bottle handles which issue. */
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
    /** Reads the row, and writes what `change` makes of it (`None` removes it), in one immediate transaction. Answers `change`'s first value. */
    readonly modify: <A>(
      key: ForgeStateKey,
      change: (current: Option.Option<ForgeState>) => readonly [A, Option.Option<ForgeState>],
    ) => Effect.Effect<A, StateStoreError>
    /** Running rows whose check-in is older than `before` (ISO 8601), compared as instants; `""` is older than all. */
    readonly stale: (before: string) => Effect.Effect<ReadonlyArray<ForgeState>, StateStoreError>
  }
>() {}
