import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc } from "effect"
import { CallFailure } from "../../../src/sidecar/forge/CallFailure.ts"
import type { Call } from "../../../src/sidecar/forge/Calls.ts"
import { answer, parseFrame } from "../../../src/sidecar/forge/JsonRpc.ts"
import type { OperationEntry } from "../../../src/sidecar/record/OperationChain.ts"
import type { CallLog } from "../../../src/sidecar/record/OperationLog.ts"

const entries: Array<OperationEntry> = []
const log: CallLog = {
  append: (entry) => Effect.sync(() => entries.push(entry)),
  sync: Effect.void,
}
const made: Array<unknown> = []
const unused = { text: () => Effect.succeed(""), contents: () => Effect.succeed([]) }
const echo: Call = {
  name: "echo",
  ...unused,
  run: (params) => Effect.sync(() => (made.push(params), params)),
}
const nothing: Call = { name: "nothing", ...unused, run: () => Effect.succeed(null) }
const broken: Call = {
  name: "broken",
  ...unused,
  run: () => new CallFailure({ kind: "internal", message: "internal error" }),
}
const calls = new Map([echo, nothing, broken].map((call) => [call.name, call]))

const ask = (text: string) => {
  const given = Effect.runSync(answer(text, calls, log))
  return given === undefined ? undefined : (JSON.parse(given) as unknown)
}
const error = (code: number, id: unknown = null) => ({
  jsonrpc: "2.0",
  error: { code, message: expect.any(String) as string },
  id,
})
const call = (fields: object) => JSON.stringify({ jsonrpc: "2.0", ...fields })
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`

describe("JSON-RPC", () => {
  it.each([
    [
      "a string id",
      call({ method: "echo", params: { a: 1 }, id: "x" }),
      { jsonrpc: "2.0", result: { a: 1 }, id: "x" },
    ],
    ["a number id", call({ method: "echo", params: {}, id: 1.5 }), { jsonrpc: "2.0", result: {}, id: 1.5 }],
    ["a null id", call({ method: "nothing", id: null }), { jsonrpc: "2.0", result: null, id: null }],
    ["a notification", call({ method: "echo", params: {} }), undefined],
    ["a notification of an unknown method", call({ method: "no" }), undefined],
    ["an unknown method", call({ method: "no", id: 1 }), error(-32601, 1)],
    ["a method of every object", call({ method: "constructor", id: 1 }), error(-32601, 1)],
    ["an internal error", call({ method: "broken", id: 1 }), error(-32603, 1)],
    ["no JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', error(-32700)],
    ["nothing", "", error(-32700)],
    ["a byte order mark", `\uFEFF${call({ method: "nothing", id: 1 })}`, error(-32700)],
    ["an empty batch", "[]", error(-32600)],
    ["a batch of no requests", "[1,2]", [error(-32600), error(-32600)]],
    ["a batch of notifications", `[${call({ method: "echo" })}]`, undefined],
    ["a text", '"x"', error(-32600)],
    ["null", "null", error(-32600)],
    ["no version", '{"method":"echo","id":1}', error(-32600, 1)],
    ["another version", '{"jsonrpc":"1.0","method":"echo","id":1}', error(-32600, 1)],
    ["a method that is no text", call({ method: 1, params: "bar" }), error(-32600)],
    ["an id that is an object", call({ method: "echo", id: {} }), error(-32600)],
    ["an id that is no JSON number again", '{"jsonrpc":"2.0","method":"echo","id":1e999}', error(-32600)],
    ["params that are a text", call({ method: "echo", params: "x", id: 1 }), error(-32600, 1)],
    ["params that are null", call({ method: "echo", params: null, id: 1 }), error(-32600, 1)],
    [
      "64 levels",
      call({ method: "nothing", params: { a: JSON.parse(nested(62)) as unknown }, id: 1 }),
      { jsonrpc: "2.0", result: null, id: 1 },
    ],
    [
      "65 levels",
      call({ method: "nothing", params: { a: JSON.parse(nested(63)) as unknown }, id: 1 }),
      error(-32600),
    ],
    ["half a million levels", nested(500_000), error(-32600)],
    [
      "a batch of 101",
      `[${Array.from({ length: 101 }, () => call({ method: "nothing", id: 1 })).join(",")}]`,
      error(-32600),
    ],
  ])("answers %s as the standard says", (_, text, expected) => {
    expect(ask(text)).toEqual(expected)
  })

  it("answers a batch of 100 with 100 answers, notifications left out", () => {
    const member = (index: number) =>
      call(index % 2 === 0 ? { method: "nothing", id: index } : { method: "nothing" })
    const given = ask(
      `[${Array.from({ length: 100 }, (_, index) => member(index)).join(",")}]`,
    ) as Array<unknown>
    expect(given).toHaveLength(50)
  })

  it("takes the last of two equal keys, and __proto__ for a key like any other", () => {
    const text =
      '{"jsonrpc":"2.0","method":"no","method":"echo","params":{"__proto__":{"x":1}},"id":1,"__proto__":{"method":"no"}}'
    expect(ask(text)).toMatchObject({ id: 1 })
    expect(Object.keys(made.at(-1) as object)).toEqual(["__proto__"])
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined()
  })

  it("answers anything at all with valid JSON-RPC, and as many times as there are requests with an id", () => {
    const id = fc.oneof(fc.string(), fc.integer(), fc.constant(null))
    const request = fc.record(
      {
        jsonrpc: fc.constantFrom("2.0", "2.0", "1.0"),
        method: fc.constantFrom("echo", "nothing", "no", 5),
        params: fc.anything(),
        id: fc.oneof(id, fc.anything()),
      },
      { requiredKeys: [] },
    )
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.anything().map((value) => JSON.stringify(value) ?? ""),
      request.map((value) => JSON.stringify(value)),
      fc.array(request, { maxLength: 5 }).map((value) => JSON.stringify(value)),
      fc
        .tuple(
          request.map((value) => JSON.stringify(value)),
          fc.nat(60),
        )
        .map(([value, cut]) => value.slice(0, cut)),
    )
    fc.assert(
      fc.property(text, (body) => {
        const before = entries.length
        const given = ask(body)
        const { members, batch } = parseFrame(body)
        const due = members.filter((member) => member.kind === "Invalid" || member.id !== undefined).length
        const answers = given === undefined ? [] : batch ? (given as Array<unknown>) : [given]
        expect(answers).toHaveLength(due)
        for (const one of answers as Array<Record<string, unknown>>) {
          expect(one["jsonrpc"]).toBe("2.0")
          expect(Object.hasOwn(one, "id")).toBe(true)
          expect(Object.hasOwn(one, "result") !== Object.hasOwn(one, "error")).toBe(true)
        }
        expect(entries.length - before).toBeLessThanOrEqual(members.length)
      }),
      { numRuns: 4000 },
    )
  })
})
