import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc, Option } from "effect"
import { type AllowEntry, allowList, isAllowedHost } from "../../src/domain/AllowList.ts"
import { readHost } from "../../src/domain/Hosts.ts"

const asked = (
  entries: ReadonlyArray<AllowEntry>,
  host: string,
  port = 443,
  by: "tunnel" | "http" = "tunnel",
) => Option.getOrUndefined(allowList(entries)({ host: Option.getOrThrow(readHost(host)), port, by }))

const PUBLIC_TLS = { private: false, tls: true }

describe("an allow-list", () => {
  it("allows nothing when it is empty", () => {
    fc.assert(
      fc.property(fc.domain(), fc.integer({ min: 1, max: 65535 }), (host, port) => {
        expect(asked([], host, port)).toBeUndefined()
        expect(asked([], host, port, "http")).toBeUndefined()
      }),
    )
  })

  it("allows a host in every spelling, and no other", () => {
    const entries = ["Bücher.example.", "api.example.com"]
    for (const host of [
      "api.example.com",
      "API.EXAMPLE.COM.",
      "xn--bcher-kva.example",
      "XN--BCHER-KVA.example",
    ])
      expect(asked(entries, host)).toEqual(PUBLIC_TLS)
    for (const host of [
      "example.com",
      "x.api.example.com",
      "api.example.com.evil.example",
      "evilapi.example.com",
      "apiXexample.com",
      "bucher.example",
    ])
      expect(asked(entries, host)).toBeUndefined()
  })

  it("allows what is below a wildcard, at any depth, and not the host itself", () => {
    const entries = ["*.example.com"]
    expect(asked(entries, "a.example.com")).toEqual(PUBLIC_TLS)
    expect(asked(entries, "a.b.EXAMPLE.com.")).toEqual(PUBLIC_TLS)
    for (const host of ["example.com", "badexample.com", "a.example.com.evil.example", "com"])
      expect(asked(entries, host)).toBeUndefined()
  })

  it("allows port 443 to a tunnel and port 80 to plain HTTP, unless an entry names another for both", () => {
    expect(asked(["a.example"], "a.example", 80)).toBeUndefined()
    expect(asked(["a.example"], "a.example", 80, "http")).toEqual(PUBLIC_TLS)
    expect(asked(["a.example"], "a.example", 443, "http")).toBeUndefined()
    const entry = { host: "a.example", port: 8443 }
    for (const by of ["tunnel", "http"] as const) {
      expect(asked([entry], "a.example", 8443, by)).toEqual(PUBLIC_TLS)
      expect(asked([entry], "a.example", 443, by)).toBeUndefined()
      expect(asked([entry], "a.example", 80, by)).toBeUndefined()
    }
  })

  it("allows an address only when that address is listed, in whatever spelling", () => {
    expect(asked(["a.example", "*.example"], "192.0.2.1")).toBeUndefined()
    expect(asked(["0xC0.0.2.1"], "3221225985")).toEqual(PUBLIC_TLS)
    expect(asked(["192.0.2.1"], "192.0.2.2")).toBeUndefined()
    expect(asked(["192.0.2.1"], "[::ffff:192.0.2.1]")).toBeUndefined()
    expect(asked(["2001:DB8::0:1"], "[2001:db8::1]")).toEqual(PUBLIC_TLS)
  })

  it("allows what any entry of a destination allows, and keeps that from other destinations", () => {
    const entries = ["a.example", { host: "a.example", private: true }, { host: "*.example", tls: false }]
    expect(asked(entries, "a.example")).toEqual({ private: true, tls: false })
    expect(asked(entries, "b.example")).toEqual({ private: false, tls: false })
    expect(asked([...entries, { host: "b.example", port: 1, private: true }], "b.example")).toEqual({
      private: false,
      tls: false,
    })
  })

  it("takes no entry that is no host, and one that got in all the same allows nothing", () => {
    for (const text of [
      "*",
      "*.",
      "",
      "a:443",
      "https://a",
      "*.*.a",
      "a.*.b",
      "*a.example",
      "*.192.0.2.1",
      "fe80::1%lo",
    ]) {
      expect(isAllowedHost(text)).toBe(false)
      expect(asked([text], "a.example")).toBeUndefined()
    }
    for (const text of ["a", "*.a.example", "192.0.2.1", "[2001:db8::1]", "2001:db8::1", "bücher.example"])
      expect(isAllowedHost(text)).toBe(true)
  })
})
