/** SweepCursors keeps up to when each forge was swept. */
import { Context, type Effect, type Option } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { SweepCursor } from "../domain/orchestrator/SweepCursor.ts"

/** SweepCursors keeps up to when each forge was swept. */
export class SweepCursors extends Context.Tag("bot-bottle/SweepCursors")<
  SweepCursors,
  {
    /** Of a forge, by its normalised API address; none when it never was swept. */
    readonly get: (forge: string) => Effect.Effect<Option.Option<SweepCursor>, StateStoreError>
    /** Takes the place of the former one. One that is lost only has changes swept again. */
    readonly set: (forge: string, cursor: SweepCursor) => Effect.Effect<void, StateStoreError>
  }
>() {}
