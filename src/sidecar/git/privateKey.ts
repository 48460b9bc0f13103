/** Reads a private key file: whether ssh can use it without asking, and which parts of its text are secret. */
import { Effect, Option } from "effect"
import { createPrivateKey } from "node:crypto"

/** A private key file. */
export interface PrivateKey {
  /** Whether it needs a passphrase. */
  readonly isEncrypted: boolean
  /** The parts of its text that are in neither its public key nor every other key. */
  readonly secrets: ReadonlyArray<string>
}

/** Parses a key of ssh-keygen(1), or one in PEM. None: it is not a private key. */
export const readPrivateKey = (text: string): Option.Option<PrivateKey> => {
  const [, kind, inner] =
    /-----BEGIN ([A-Z ]*)PRIVATE KEY-----\r?\n(.*?)-----END \1PRIVATE KEY-----/s.exec(text) ?? []
  if (kind === undefined || inner === undefined) return Option.none()
  const hasHeader = /^[A-Za-z-]+: /m.test(inner)
  const base64 = (hasHeader ? inner.replace(/^.*?\r?\n\r?\n/s, "") : inner).replace(/\s/g, "")
  const bytes = Buffer.from(base64, "base64")
  if (kind === "OPENSSH ") return Option.map(opensshParts(bytes), keyOf(base64))
  const isEncrypted = kind === "ENCRYPTED " || /^DEK-Info:/m.test(inner)
  const parts = isEncrypted ? [] : pemParts(text, bytes)
  return Option.some(keyOf(base64)({ isEncrypted, parts: parts.length > 0 ? parts : [[0, bytes.length]] }))
}

/** From a byte (inclusive) to another (exclusive). */
type Part = readonly [from: number, to: number]

interface Parts {
  readonly isEncrypted: boolean
  readonly parts: ReadonlyArray<Part>
}

/** Four characters encode three bytes. Those that also encode other bytes are left out. */
const keyOf =
  (base64: string) =>
  ({ isEncrypted, parts }: Parts): PrivateKey => ({
    isEncrypted,
    secrets: parts.map(([from, to]) => base64.slice(Math.ceil((from * 8) / 6), Math.floor((to * 8) / 6))),
  })

const MAGIC = "openssh-key-v1\0"

/** The format of ssh-keygen(1), as described in OpenSSH's PROTOCOL.key. */
const opensshParts = (bytes: Buffer): Option.Option<Parts> => {
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return Option.none()
  const [cipher, , derivation] = fields(bytes, MAGIC.length, 3)
  // Then the number of keys, which is 1, and its two halves.
  const [open, closed] = derivation === undefined ? [] : fields(bytes, derivation[1] + 4, 2)
  if (cipher === undefined || open === undefined || closed === undefined) return Option.none()
  const isEncrypted = bytes.toString("latin1", ...cipher) !== "none"
  if (isEncrypted) return Option.some({ isEncrypted, parts: [closed] })
  const known = fields(bytes.subarray(0, open[1]), open[0]).map((part) => bytes.subarray(...part))
  // First two equal numbers, then the type of the key, and a comment at the end.
  const all = fields(bytes.subarray(0, closed[1]), closed[0] + 8).slice(1, -1)
  const parts = all
    .filter((part) => !known.some((other) => other.equals(bytes.subarray(...part))))
    .map(([from, to]): Part => {
      // An ed25519 key repeats the public key after the seed.
      const again = known.find(
        (other) => other.length >= 32 && bytes.subarray(from, to).subarray(-other.length).equals(other),
      )
      return [from, to - (again?.length ?? 0)]
    })
  return Option.some({ isEncrypted, parts })
}

/** Offsets of consecutive fields, each after its length; at most `max`. */
const fields = (bytes: Buffer, from: number, max = 64): ReadonlyArray<Part> => {
  const found: Array<Part> = []
  for (let at = from; found.length < max && at + 4 <= bytes.length;) {
    const to = at + 4 + bytes.readUInt32BE(at)
    if (to > bytes.length) break
    found.push([at + 4, to])
    at = to
  }
  return found
}

/** The secret parts of a PEM key are those with these names in its JWK (RFC 7518, 6.2.2 and 6.3.2). */
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi"] as const

const pemParts = (text: string, bytes: Buffer): ReadonlyArray<Part> =>
  Effect.runSync(
    Effect.try(() => createPrivateKey(text).export({ format: "jwk" })).pipe(
      Effect.map((jwk) =>
        SECRET_MEMBERS.flatMap((name): ReadonlyArray<Part> => {
          const value = Buffer.from(String(jwk[name] ?? ""), "base64url")
          const at = value.length === 0 ? -1 : bytes.indexOf(value)
          return at === -1 ? [] : [[at, at + value.length]]
        }),
      ),
      Effect.orElseSucceed(() => []),
    ),
  )
