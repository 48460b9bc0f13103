/** VerificationStore keeps for which images on which engines every probe was as promised. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { VerificationKey } from "../domain/Verification.ts"

/** VerificationStore keeps verifications that passed; those that failed are made again. */
export class VerificationStore extends Context.Tag("bot-bottle/VerificationStore")<
  VerificationStore,
  {
    /** When it passed last (ISO 8601 in UTC), if it ever did. */
    readonly passedAt: (key: VerificationKey) => Effect.Effect<Option.Option<string>, StateStoreError>
    /** Keeps that it passed; a later time takes the place of an earlier one. */
    readonly record: (key: VerificationKey, at: string) => Effect.Effect<void, StateStoreError>
  }
>() {}
