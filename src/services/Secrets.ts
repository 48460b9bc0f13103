/** Secrets reads a secret from the source that a configuration or a manifest names. */
import { Context, type Effect, type Redacted } from "effect"
import type { SecretUnreadable } from "../domain/Errors.ts"
import type { ChangingSource, SecretSource } from "../domain/SecretSource.ts"

/** A secret as it was read. */
export interface ReadSecret {
  readonly secret: Redacted.Redacted
  /** When the output of a command is to be asked for again, in milliseconds since the epoch; absent for other sources. */
  readonly until?: number
}

/** Secrets reads a secret from the source that a configuration or a manifest names. */
export class Secrets extends Context.Tag("bot-bottle/Secrets")<
  Secrets,
  {
    /** The secret, without a trailing newline. The output of a command is cached for its `ttl`, and those who ask at once share a run. */
    readonly read: (source: SecretSource) => Effect.Effect<Redacted.Redacted, SecretUnreadable>
    /** The same, with how long it may be used. */
    readonly readDated: (source: SecretSource) => Effect.Effect<ReadSecret, SecretUnreadable>
    /**
     * The secret after `refused` was refused by its service: what was read since then, or what the command prints now. A command runs
     * for this reason at most every 10 seconds. The result may be the same secret.
     */
    readonly renew: (
      source: ChangingSource,
      refused: Redacted.Redacted,
    ) => Effect.Effect<ReadSecret, SecretUnreadable>
  }
>() {}
