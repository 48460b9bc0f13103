/** ObjectStores manages the stores of upstream objects that bottles borrow from: a cache on disk. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { SidecarError } from "../domain/Errors.ts"

/** ObjectStores manages the stores of upstream objects that bottles borrow from. */
export class ObjectStores extends Context.Tag("bot-bottle/ObjectStores")<
  ObjectStores,
  {
    /** Stores that no bottle borrows from, each with its last use in milliseconds since the epoch. */
    readonly unusedStores: Effect.Effect<
      ReadonlyArray<{ readonly name: string; readonly since: number }>,
      SidecarError
    >
    /** Removes such a store. Returns whether it is gone: it stays when a bottle has begun to borrow from it. */
    readonly removeStore: (name: string) => Effect.Effect<boolean, SidecarError>
  }
>() {}
