import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { type KeyPairSyncResult, generateKeyPairSync } from "node:crypto"
import { lint } from "../../../src/layers/scanner/rules.ts"

const publicKeyEncoding = { type: "spki", format: "pem" } as const
const pkcs8 = { type: "pkcs8", format: "pem" } as const
const sec1 = { type: "sec1", format: "pem" } as const

const pairs: ReadonlyArray<readonly [string, () => KeyPairSyncResult<string, string>]> = [
  ["Ed25519", () => generateKeyPairSync("ed25519", { publicKeyEncoding, privateKeyEncoding: pkcs8 })],
  ["X25519", () => generateKeyPairSync("x25519", { publicKeyEncoding, privateKeyEncoding: pkcs8 })],
  ["Ed448", () => generateKeyPairSync("ed448", { publicKeyEncoding, privateKeyEncoding: pkcs8 })],
  [
    "P-256",
    () => generateKeyPairSync("ec", { namedCurve: "P-256", publicKeyEncoding, privateKeyEncoding: sec1 }),
  ],
  [
    "P-384, in PKCS #8",
    () => generateKeyPairSync("ec", { namedCurve: "P-384", publicKeyEncoding, privateKeyEncoding: pkcs8 }),
  ],
  [
    "RSA",
    () => generateKeyPairSync("rsa", { modulusLength: 1024, publicKeyEncoding, privateKeyEncoding: pkcs8 }),
  ],
]

/** Lines on which something is found. */
const foundIn = (text: string) => Effect.map(lint(text), (found) => found.map(({ line }) => line))

describe("a private key in PEM", () => {
  it.effect.each(pairs)(
    "of %s is found, as a file and as a string of a program, and its public half is not",
    ([, make]) =>
      Effect.gen(function* () {
        const { privateKey, publicKey } = make()
        expect(yield* foundIn(`a\n\n${privateKey}\nb\n`)).toEqual([3])
        expect(yield* foundIn(`const key = ${JSON.stringify(privateKey)}\n`)).toEqual([1])
        const joined = privateKey.split("\n").map((line) => `  "${line}\\n"`)
        expect(yield* foundIn(`[\n${joined.join(",\n")}].join("")`)).toEqual([2])
        for (const mark of ["> ", "# ", " * ", "| ", "; "])
          expect(yield* foundIn(privateKey.replaceAll(/^/gm, mark))).toEqual([1])
        expect(yield* foundIn(publicKey)).toEqual([])
      }),
  )

  it.effect("is not what only names one", () =>
    Effect.gen(function* () {
      const line = ["-----BEGIN", "PRIVATE KEY-----"].join(" ")
      expect(yield* foundIn(`${line}\n...\n-----END`)).toEqual([])
      expect(
        yield* foundIn(`if (text.startsWith("${line}")) return MAKE_A_KEY_OF_IT_AND_NOTHING_ELSE\n`),
      ).toEqual([])
      expect(yield* foundIn(line)).toEqual([])
    }),
  )

  it.effect("is looked for in no long time, whatever the text is made of", () =>
    Effect.gen(function* () {
      const line = ["-----BEGIN", "PRIVATE KEY-----"].join(" ")
      const began = Date.now()
      yield* lint(`${line}MC`.repeat(10_000))
      expect(Date.now() - began).toBeLessThan(5000)
    }),
  )
})
