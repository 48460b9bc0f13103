/** SweepCursors stores the time up to which each forge was swept. */
import { Context, type Effect, type Option } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { SweepCursor } from "../domain/orchestrator/SweepCursor.ts"

/** SweepCursors stores the time up to which each forge was swept. */
export class SweepCursors extends Context.Tag("bot-bottle/SweepCursors")<
  SweepCursors,
  {
    /** The cursor of a forge, by its normalised API address; none when it was never swept. */
    readonly get: (forge: string) => Effect.Effect<Option.Option<SweepCursor>, StateStoreError>
    /** Replaces the cursor. A lost write only sweeps some changes again. */
    readonly set: (forge: string, cursor: SweepCursor) => Effect.Effect<void, StateStoreError>
  }
>() {}
