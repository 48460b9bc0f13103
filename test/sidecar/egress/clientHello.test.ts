import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { readClientHello } from "../../../src/sidecar/egress/clientHello.ts"
import { extension, helloFor, message, records, serverName } from "../../support/clientHello.ts"

const read = (bytes: Buffer) => readClientHello(bytes)
const of = (...extensions: ReadonlyArray<Buffer>) => read(records(message(extensions)))

describe("a TLS hello", () => {
  it("tells its host, in lower case", () => {
    expect(read(helloFor("Api.Example.com"))).toEqual({
      kind: "Hello",
      serverName: "api.example.com",
      encrypted: false,
    })
    expect(of(extension(43, Buffer.from([2, 3, 4])))).toMatchObject({ serverName: undefined })
    expect(read(records(message(undefined)))).toMatchObject({ serverName: undefined })
    expect(read(Buffer.concat([helloFor("a.example"), Buffer.from("early data")]))).toMatchObject({
      serverName: "a.example",
    })
  })

  it("is the same however its records and segments are cut", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (piece) => {
        const whole = records(message([serverName("api.example.com")]), piece)
        for (let end = 0; end < whole.length; end++) {
          const hello = read(whole.subarray(0, end))
          expect(hello.kind).toBe("More")
          if (hello.kind === "More") expect(hello.bytes).toBeGreaterThan(end)
        }
        expect(read(whole)).toMatchObject({ kind: "Hello", serverName: "api.example.com" })
      }),
      { numRuns: 40 },
    )
  })

  it("is none when it is another protocol", () => {
    for (const text of [
      "GET / HTTP/1.1\r\n",
      "SSH-2.0-x",
      "\x80\x2e\x01\x00\x02",
      "\x16\x02\x00\x00\x05abcde",
      "\0",
    ])
      expect(read(Buffer.from(text, "latin1")).kind, JSON.stringify(text)).toBe("NotTls")
  })

  it("is bad when readers could differ about its host", () => {
    const two = Buffer.concat([serverName("a.example"), serverName("b.example")])
    expect(of(serverName("a.example", "b.example")).kind).toBe("Bad")
    expect(of(serverName("a.example"), serverName("b.example")).kind).toBe("Bad")
    expect(of(serverName("a.example"), serverName("a.example")).kind).toBe("Bad")
    expect(of(serverName("")).kind).toBe("Bad")
    expect(of(serverName()).kind).toBe("Bad")
    expect(of(extension(0, Buffer.alloc(0))).kind).toBe("Bad")
    expect(of(extension(0, Buffer.from([0, 4, 1, 0, 1, 97]))).kind).toBe("Bad")
    expect(of(extension(0, two)).kind).toBe("Bad")
    expect(of(serverName("a.example").subarray(0, -1)).kind).toBe("Bad")
    const trailing = message([serverName("a.example")])
    expect(
      read(
        records(
          Buffer.concat([
            trailing.subarray(0, 1),
            Buffer.from([0, 0, trailing.length - 3]),
            trailing.subarray(4),
            Buffer.from([0]),
          ]),
        ),
      ).kind,
    ).toBe("Bad")
  })

  it("is bad when it has no end, or is interrupted", () => {
    const whole = message([serverName("a.example")])
    expect(
      read(Buffer.concat([records(whole.subarray(0, 20)), Buffer.from([21, 3, 1, 0, 2, 1, 0])])).kind,
    ).toBe("Bad")
    expect(read(Buffer.from([22, 3, 1, 0, 0])).kind).toBe("Bad")
    expect(read(Buffer.from([22, 3, 1, 0xff, 0xff])).kind).toBe("Bad")
    expect(read(records(Buffer.from([1, 0xff, 0xff, 0xff]))).kind).toBe("Bad")
    expect(read(records(Buffer.from([2, 0, 0, 4, 1, 2, 3, 4]))).kind).toBe("Bad")
  })

  it("tells when it hides another name (ECH, and ESNI before it)", () => {
    for (const type of [0xfe0d, 0xffce]) {
      expect(of(serverName("a.example"), extension(type, Buffer.alloc(100)))).toMatchObject({
        serverName: "a.example",
        encrypted: true,
      })
      expect(of(extension(type, Buffer.alloc(100)))).toMatchObject({ serverName: undefined, encrypted: true })
    }
  })

  it("of any bytes, or with any byte changed, is read without failing, and asks for more than there is or for nothing", () => {
    const good = helloFor("api.example.com")
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          fc
            .uint8Array({ maxLength: 400 })
            .map((bytes) => new Uint8Array([22, 3, 1, 0, 200, 1, 0, 0, 196, ...bytes])),
          fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => {
            const changed = Buffer.from(good)
            changed[at] = value
            return new Uint8Array(changed)
          }),
        ),
        (bytes) => {
          const hello = read(Buffer.from(bytes))
          if (hello.kind === "More") expect(hello.bytes).toBeGreaterThan(bytes.length)
        },
      ),
      { numRuns: 5000 },
    )
  })
})
