/** DSSE v1 with Ed25519: what is signed, and whether a signature is right (https://github.com/secure-systems-lab/dsse). */
import { Effect, Option } from "effect"
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto"
import { type Envelope, PAYLOAD_TYPE } from "../../domain/Provenance.ts"
import type { PublicKey } from "../../services/Signatures.ts"

/** The bytes that a signature covers: `DSSEv1`, the length and text of the type, the length and bytes of the payload. */
export const preAuthEncoding = (payload: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(PAYLOAD_TYPE)} ${PAYLOAD_TYPE} ${payload.length} `),
    payload,
  ])

/** An envelope with one signature. */
export const envelopeOf = (payload: string, keyid: string, signature: Buffer): Envelope => ({
  payloadType: PAYLOAD_TYPE,
  payload: Buffer.from(payload).toString("base64"),
  signatures: [{ keyid, sig: signature.toString("base64") }],
})

/** Signs with a private key. */
export const signWith = (key: KeyObject, payload: string): Envelope =>
  envelopeOf(payload, publicOf(key).id, sign(null, preAuthEncoding(Buffer.from(payload)), key))

/** The id and the PEM of a key's public half. */
export const publicOf = (given: KeyObject): PublicKey => {
  const key = given.type === "private" ? createPublicKey(given) : given
  return {
    id: createHash("sha256")
      .update(key.export({ type: "spki", format: "der" }))
      .digest("hex"),
    pem: String(key.export({ type: "spki", format: "pem" })),
  }
}

/** Reads an Ed25519 key from PEM; fails with the reason when it is none. */
export const readKey = (kind: "private" | "public", pem: string): Effect.Effect<KeyObject, string> =>
  Effect.try({
    try: () => (kind === "private" ? createPrivateKey(pem) : createPublicKey(pem)),
    // Its message may quote a part of the key.
    catch: () => `it is not a ${kind} key in PEM`,
  }).pipe(
    Effect.filterOrFail(
      (key) => key.asymmetricKeyType === "ed25519",
      () => `it is not an Ed25519 key`,
    ),
  )

/** The payload of an envelope, and the key of `keys` that signed it. The `keyid` in it proves nothing and is ignored. */
export const checkEnvelope = (
  { payload, signatures }: Envelope,
  keys: ReadonlyArray<PublicKey>,
): { readonly payload: string; readonly key: Option.Option<string> } => {
  const bytes = Buffer.from(payload, "base64")
  const signed = preAuthEncoding(bytes)
  const key = keys.find(({ pem }) =>
    signatures.some(({ sig }) => verify(null, signed, createPublicKey(pem), Buffer.from(sig, "base64"))),
  )
  return { payload: bytes.toString("utf8"), key: Option.map(Option.fromNullable(key), ({ id }) => id) }
}
