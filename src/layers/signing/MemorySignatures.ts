/** Signatures with a key in memory: for tests. */
import { Effect } from "effect"
import { createPrivateKey, generateKeyPairSync } from "node:crypto"
import { SigningFailed } from "../../domain/Errors.ts"
import type { PublicKey, Signatures } from "../../services/Signatures.ts"
import { checkEnvelope, publicOf, readKey, signWith } from "./dsse.ts"

/** Signatures with a new key, made at first use. */
export const make = (): typeof Signatures.Service => {
  const keys: Array<{ readonly pem: string; readonly shown: PublicKey }> = []
  const fresh = () => {
    const { privateKey } = generateKeyPairSync("ed25519")
    const made = {
      pem: String(privateKey.export({ type: "pkcs8", format: "pem" })),
      shown: publicOf(privateKey),
    }
    keys.push(made)
    return made
  }
  const newest = () => keys[keys.length - 1] ?? fresh()
  return {
    sign: (payload) => Effect.sync(() => signWith(createPrivateKey(newest().pem), payload)),
    current: Effect.sync(() => newest().shown),
    known: Effect.sync(() => keys.map(({ shown }) => shown)),
    rotate: Effect.sync(() => fresh().shown),
    read: (pem) =>
      Effect.mapBoth(readKey("public", pem), {
        onFailure: (reason) => new SigningFailed({ reason: `the given key: ${reason}` }),
        onSuccess: publicOf,
      }),
    check: checkEnvelope,
  }
}
