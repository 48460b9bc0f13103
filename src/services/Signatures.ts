/** Signatures signs statements with the key of this installation, and checks signatures with public keys. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { SigningFailed } from "../domain/Errors.ts"
import type { Envelope } from "../domain/Provenance.ts"

/** A public Ed25519 key. */
export interface PublicKey {
  /** SHA-256 of its SPKI form, in hexadecimal. */
  readonly id: string
  /** SPKI in PEM. */
  readonly pem: string
}

/** Signatures signs statements and checks them. */
export class Signatures extends Context.Tag("bot-bottle/Signatures")<
  Signatures,
  {
    /** Signs the JSON of a statement. Makes a key if there is none. */
    readonly sign: (payload: string) => Effect.Effect<Envelope, SigningFailed>
    /** The key that signs now. Makes one if there is none. */
    readonly current: Effect.Effect<PublicKey, SigningFailed>
    /** Every key of this installation, including earlier ones. Makes none. */
    readonly known: Effect.Effect<ReadonlyArray<PublicKey>, SigningFailed>
    /** Makes a new key, which signs from now on. The old private key is removed, its public key stays. */
    readonly rotate: Effect.Effect<PublicKey, SigningFailed>
    /** Reads public keys from PEM. */
    readonly read: (pem: string) => Effect.Effect<PublicKey, SigningFailed>
    /** The signed JSON and the first of these keys that signed it; none when none did. */
    readonly check: (
      envelope: Envelope,
      keys: ReadonlyArray<PublicKey>,
    ) => { readonly payload: string; readonly key: Option.Option<string> }
  }
>() {}
