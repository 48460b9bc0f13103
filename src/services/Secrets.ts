/** Secrets reads a secret from where a configuration says it is. */
import { Context, type Effect, type Redacted } from "effect"
import type { SecretUnreadable } from "../domain/Errors.ts"
import type { SecretSource } from "../domain/orchestrator/SecretSource.ts"

/** Secrets reads a secret from where a configuration says it is. */
export class Secrets extends Context.Tag("bot-bottle/Secrets")<
  Secrets,
  {
    /** The secret, without the newline at its end. What a command printed is kept for its `ttl`. */
    readonly read: (source: SecretSource) => Effect.Effect<Redacted.Redacted, SecretUnreadable>
  }
>() {}
