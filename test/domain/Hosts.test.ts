import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc, Option } from "effect"
import { isIP } from "node:net"
import { readHost } from "../../src/domain/Hosts.ts"

const read = (written: string) => Option.getOrUndefined(readHost(written))
const name = (text: string) => ({ kind: "name", text })
const address = (text: string) => ({ kind: "address", text })

/** Every form that inet_aton(3) takes of one number, and of one address. */
const forms = (value: number) => [
  String(value),
  `0${value.toString(8)}`,
  `0x${value.toString(16)}`,
  `0X${value.toString(16).toUpperCase()}`,
  `0000${value.toString(8)}`,
]
const spellings = (bytes: ReadonlyArray<number>): Array<string> => {
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  const parts = [
    [a, b, c, d],
    [a, b, c * 256 + d],
    [a, (b * 256 + c) * 256 + d],
    [((a * 256 + b) * 256 + c) * 256 + d],
  ]
  return parts.flatMap((numbers) =>
    [0, 1, 2, 3, 4].flatMap((form) => {
      const text = numbers.map((number, at) => forms(number)[(form + at) % 5] ?? "").join(".")
      return [text, `${text}.`]
    }),
  )
}

const bytes = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 })
const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })

describe("readHost", () => {
  it("reads a name however it is written", () => {
    for (const written of ["api.example.com", "API.Example.COM", "api.example.com.", "ApI.eXaMpLe.cOm."])
      expect(read(written)).toEqual(name("api.example.com"))
    for (const written of [
      "bücher.example",
      "BÜCHER.example.",
      "xn--bcher-kva.example",
      "XN--BCHER-KVA.EXAMPLE",
    ])
      expect(read(written)).toEqual(name("xn--bcher-kva.example"))
    expect(read("ａｐｉ。example．com")).toEqual(name("api.example.com"))
    expect(read("a_b.example")).toEqual(name("a_b.example"))
    expect(read("localhost")).toEqual(name("localhost"))
  })

  it("reads every spelling of an IPv4 address as that address", () => {
    fc.assert(
      fc.property(bytes, (four) => {
        for (const spelling of spellings(four)) expect(read(spelling)).toEqual(address(four.join(".")))
      }),
    )
    expect(read("１２７.1")).toEqual(address("127.0.0.1"))
  })

  it("reads every spelling of an IPv6 address as that address", () => {
    fc.assert(
      fc.property(groups, (eight) => {
        const full = eight.map((group) => group.toString(16).padStart(4, "0")).join(":")
        const short = new URL(`http://[${full}]`).hostname.slice(1, -1)
        for (const spelling of [full, full.toUpperCase(), short, `[${full}]`, `[${short}]`])
          expect(read(spelling)).toEqual(address(short))
      }),
    )
    expect(read("[::ffff:127.0.0.1]")).toEqual(address("::ffff:7f00:1"))
    expect(read("::")).toEqual(address("::"))
  })

  it("reads nothing in what is neither", () => {
    for (const written of [
      "",
      ".",
      "..",
      "a..b",
      ".a",
      "a.example..",
      "*",
      "a b",
      "a\tb",
      "a\nb",
      "a\0b",
      "a/b",
      "a?b",
      "a#b",
      "a@b",
      "a\\b",
      "a%2eb",
      "%31.2.3.4",
      "-a.example",
      "a-.example",
      "a:443",
      "http://a",
      "1.2.3.08",
      "1.2.3.256",
      "1.2.3.4.5",
      "a.0x",
      "a.1",
      "0x1ffffffff",
      "[1.2.3.4]",
      "[a.example]",
      "[::1",
      "::1]",
      "[::1%25lo]",
      "fe80::1%eth0",
      "[fe80::1%1]",
      ":::",
      "1::2::3",
      "a$b.example",
      "a,b.example",
      "xn--.example",
      `${"a".repeat(64)}.example`,
      `${"a.".repeat(127)}a`,
    ])
      expect(read(written), JSON.stringify(written)).toBeUndefined()
  })

  it("is never fooled: what it calls a name is no address to anyone, and it reads its own results as they are", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({
            unit: fc.constantFrom("0", "x", "1", "7", ".", ":", "a", "F", "-", "[", "]", "%", "*"),
          }),
        ),
        (written) => {
          const host = read(written)
          if (host === undefined) return
          expect(read(host.text)).toEqual(host)
          expect(isIP(host.text) !== 0).toBe(host.kind === "address")
          if (host.kind === "name") expect(host.text.split(".").at(-1)).not.toMatch(/^(?:\d+|0x[\da-f]*)$/)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
