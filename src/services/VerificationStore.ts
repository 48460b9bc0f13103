/** VerificationStore stores for which images on which engines every probe passed. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { VerificationKey } from "../domain/Verification.ts"

/** VerificationStore stores verifications that passed. Failed ones are not stored and run again. */
export class VerificationStore extends Context.Tag("bot-bottle/VerificationStore")<
  VerificationStore,
  {
    /** When it last passed (ISO 8601 in UTC), if ever. */
    readonly passedAt: (key: VerificationKey) => Effect.Effect<Option.Option<string>, StateStoreError>
    /** Records that it passed. A later time replaces an earlier one. */
    readonly record: (key: VerificationKey, at: string) => Effect.Effect<void, StateStoreError>
  }
>() {}
