/** Keys as ssh-keygen and openssl write them. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { hasSecret, secretMatcher } from "../../../src/domain/SecretMatch.ts"
import { readPrivateKey } from "../../../src/sidecar/git/privateKey.ts"
import { tempDir } from "../../support/tempDir.ts"

const KINDS: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["ed25519", ["-t", "ed25519"]],
  ["ecdsa", ["-t", "ecdsa"]],
  ["rsa", ["-t", "rsa", "-b", "2048"]],
  ["ecdsa in PEM", ["-t", "ecdsa", "-m", "PEM"]],
  ["rsa in PEM", ["-t", "rsa", "-b", "2048", "-m", "PEM"]],
  ["rsa in PKCS8", ["-t", "rsa", "-b", "2048", "-m", "PKCS8"]],
]

const keygen = (directory: string, args: ReadonlyArray<string>, passphrase = "") => {
  const file = join(directory, `key${Math.random()}`)
  execFileSync("ssh-keygen", [
    "-q",
    ...args,
    "-N",
    passphrase,
    "-C",
    "a comment that is no secret",
    "-f",
    file,
  ])
  return { text: readFileSync(file, "utf8"), open: readFileSync(`${file}.pub`, "utf8") }
}

const matcherOf = (text: string) => secretMatcher(Option.getOrThrow(readPrivateKey(text)).secrets)

describe("a private key", () => {
  for (const [kind, args] of KINDS) {
    it.scoped(
      `of ${kind} is found in what is pushed, whole and in parts; its public half and other keys are not`,
      () =>
        Effect.gen(function* () {
          const directory = yield* tempDir
          const { open, text } = keygen(directory, args)
          const { open: otherOpen, text: otherText } = keygen(directory, args)
          const found = matcherOf(text)
          expect(Option.getOrThrow(readPrivateKey(text)).isEncrypted).toBe(false)
          expect(hasSecret(found, text)).toBe(true)
          expect(hasSecret(found, text.replaceAll("\n", "\r\n  "))).toBe(true)
          expect(hasSecret(found, text.replaceAll("\n", "\r\n"))).toBe(true)
          expect(hasSecret(found, text.replace(/-----[^-]*-----/g, ""))).toBe(true)
          expect(hasSecret(found, Buffer.from(text).toString("base64"))).toBe(true)
          expect(hasSecret(found, Buffer.from(text).toString("hex"))).toBe(true)
          for (const harmless of [open, otherOpen, otherText]) expect(hasSecret(found, harmless)).toBe(false)
          // Half of it is enough.
          const lines = text.trim().split("\n").slice(1, -1)
          const found20 = lines.map((_, at) => hasSecret(found, lines.slice(at, at + 2).join("\n")))
          expect(found20.filter(Boolean).length).toBeGreaterThan(0)
        }),
    )
  }

  it.scoped("of ed25519 from openssl is found too", () =>
    Effect.sync(() => {
      const text = execFileSync("openssl", ["genpkey", "-algorithm", "ed25519"], { encoding: "utf8" })
      expect(hasSecret(matcherOf(text), text)).toBe(true)
    }),
  )

  it.scoped("that needs a passphrase is known as one, and found as it is", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      for (const args of [
        ["-t", "ed25519"],
        ["-t", "rsa", "-b", "2048", "-m", "PEM"],
        ["-t", "ecdsa", "-m", "PKCS8"],
      ]) {
        const { text, open } = keygen(directory, args, "correct horse")
        expect(Option.getOrThrow(readPrivateKey(text)).isEncrypted).toBe(true)
        expect(hasSecret(matcherOf(text), text)).toBe(true)
        expect(hasSecret(matcherOf(text), open)).toBe(false)
      }
    }),
  )

  it.scoped("is none when it is a public key, a certificate, cut off, or nothing", () =>
    Effect.gen(function* () {
      const { open, text } = keygen(yield* tempDir, ["-t", "ed25519"])
      const lines = text.split("\n")
      for (const other of [
        open,
        "",
        "hello",
        lines.slice(0, 3).join("\n"),
        [...lines.slice(0, 2), ...lines.slice(-2)].join("\n"),
      ])
        expect(readPrivateKey(other)).toEqual(Option.none())
    }),
  )
})
