/** Secrets reads a secret from the source that a configuration names. */
import { Context, type Effect, type Redacted } from "effect"
import type { SecretUnreadable } from "../domain/Errors.ts"
import type { SecretSource } from "../domain/orchestrator/SecretSource.ts"

/** Secrets reads a secret from the source that a configuration names. */
export class Secrets extends Context.Tag("bot-bottle/Secrets")<
  Secrets,
  {
    /** The secret, without a trailing newline. The output of a command is cached for its `ttl`. */
    readonly read: (source: SecretSource) => Effect.Effect<Redacted.Redacted, SecretUnreadable>
  }
>() {}
