/** StoreRevision says whether anything was stored since, so that a service at rest does not read its tables again and again. */
import { Context, Effect } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"

/**
 * A text that is another one after each change of the orchestrator's stores, whichever process made it; undefined: these stores cannot
 * tell, and are read each time.
 */
export class StoreRevision extends Context.Reference<StoreRevision>()("bot-bottle/StoreRevision", {
  defaultValue: (): Effect.Effect<string | undefined, StateStoreError> => Effect.succeed(undefined),
}) {}
