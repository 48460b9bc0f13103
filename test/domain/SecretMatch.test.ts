import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { hasSecret, secretMatcher } from "../../src/domain/SecretMatch.ts"

const token = "8f3a91c0d27be5466f0a9d1c3e7b5a2841dd90fe"
const matcher = secretMatcher([token])
const bytes = (text: string) => new TextEncoder().encode(text)

const printable = fc.string({ minLength: 12, maxLength: 80, unit: "grapheme-ascii" })
const noise = fc.string({ maxLength: 60, unit: "grapheme-ascii" })
const encodings: ReadonlyArray<readonly [string, (text: Buffer) => string]> = [
  ["whole", (text) => text.toString("latin1")],
  ["base64", (text) => text.toString("base64")],
  ["base64url", (text) => text.toString("base64url")],
  ["hex", (text) => text.toString("hex")],
  ["HEX", (text) => text.toString("hex").toUpperCase()],
  ["URL-encoded", (text) => encodeURIComponent(text.toString("latin1"))],
  ["UTF-16", (text) => Buffer.from(text.toString("latin1"), "utf16le").toString("latin1")],
]

describe("secrets in a text", () => {
  for (const [name, encode] of encodings) {
    it(`is found ${name}, whatever comes before and after it, in pieces of any size`, () => {
      fc.assert(
        fc.property(
          printable,
          noise,
          noise,
          fc.integer({ min: 1, max: 40 }),
          (secret, before, after, size) => {
            // The end of base64 depends on what follows: the secret is in the middle of what is encoded.
            const text = Buffer.from(encode(Buffer.from(`${before}${secret}${after}`)), "latin1")
            const search = secretMatcher([secret])()
            let found = 0
            for (let at = 0; at < text.length; at += size)
              found += search.push(text.subarray(at, at + size)).length
            return found > 0
          },
        ),
        { numRuns: 200 },
      )
    })
  }

  it("is found by any 20 characters of it in a row", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), noise, (at, before) =>
        hasSecret(matcher, `${before}${token.slice(at, at + 20)}!`),
      ),
    )
  })

  it("is not found by 19 characters of it", () => {
    for (let at = 0; at + 19 <= token.length; at += 1)
      expect(hasSecret(matcher, `x ${token.slice(at, at + 19)} y`)).toBe(false)
  })

  it("is found in base64 that was folded", () => {
    const folded = Buffer.from(`${"x".repeat(40)}${token}`)
      .toString("base64")
      .replace(/.{19}/g, "$&\r\n")
    expect(hasSecret(matcher, folded)).toBe(true)
  })

  it("is told with its line, once", () => {
    const search = matcher()
    expect(search.push(bytes(`one\ntwo\n${token} ${token}\n`))).toEqual([3])
    expect(search.push(bytes(`four\n${token.slice(0, 25)}`))).toEqual([5])
    expect(search.push(bytes(token.slice(25)))).toEqual([])
  })

  it("is not found in anything else", () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => !hasSecret(matcher, text)))
  })

  it("is ignored when it is short, and is no empty text", () => {
    expect(hasSecret(secretMatcher(["", "elevenchars"]), "elevenchars and more")).toBe(false)
    expect(hasSecret(secretMatcher([]), token)).toBe(false)
  })

  it("is not the armour of a key file", () => {
    const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${"QbWz3kfJx0a9".repeat(5)}\n-----END OPENSSH PRIVATE KEY-----\n`
    expect(hasSecret(secretMatcher([key]), "-----BEGIN OPENSSH PRIVATE KEY----- is how it begins")).toBe(
      false,
    )
    expect(hasSecret(secretMatcher([key]), `x${"QbWz3kfJx0a9".repeat(2)}`)).toBe(true)
  })

  it("is looked for in 32 MiB within seconds", { timeout: 20_000 }, () => {
    const search = matcher()
    const piece = Buffer.alloc(65_536, "the quick brown fox jumps over the lazy dog 0123456789abcdef\n")
    const start = performance.now()
    for (let n = 0; n < 512; n += 1) search.push(piece)
    expect(performance.now() - start).toBeLessThan(10_000)
    expect(search.push(bytes(token))).toHaveLength(1)
  })
})
