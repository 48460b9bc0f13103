/** What providers report is read from their bodies however these are cut, and what is not theirs is not believed. */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { readFileSync } from "node:fs"
import { type ModelApi, readRequest } from "../../../src/domain/usage/readRequest.ts"
import { type Reported, readUsage } from "../../../src/domain/usage/readUsage.ts"
import { NO_TOKENS } from "../../../src/domain/usage/Tokens.ts"

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../fixtures/usage/${name}`, import.meta.url))

/** Reads a body in pieces of these sizes, repeated. */
const read = (body: Buffer | string, sizes: ReadonlyArray<number> = [1 << 20]): Reported => {
  const reader = readUsage()
  const bytes = Buffer.from(body)
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1
    reader.push(bytes.subarray(at, at + size))
    at += size
  }
  return reader.reported()
}

const PUBLISHED = {
  "anthropic-stream.txt": { model: "claude-opus-4-6", tokens: { input: 25, output: 15 } },
  "anthropic-cache.json": {
    model: "claude-opus-4-6",
    tokens: { input: 100_298, cached: 100_000, written: 248, writtenLong: 100, output: 503 },
  },
  "responses.json": { model: "gpt-4.1-2025-04-14", tokens: { input: 36, output: 87 } },
  "responses-stream.txt": { model: "gpt-4.1-2025-04-14", tokens: { input: 37, output: 11 } },
  "chat.json": { model: "gpt-4.1-2025-04-14", tokens: { input: 19, output: 10 } },
  "chat-stream.txt": { model: "gpt-4o-mini", tokens: { input: 19, output: 10 } },
}

describe("what a provider reports", () => {
  for (const [name, { model, tokens }] of Object.entries(PUBLISHED)) {
    it(`is read from the published example ${name}, however it is cut`, () => {
      const body = fixture(name)
      const whole = read(body)
      expect(whole).toMatchObject({ model, isWhole: true, isFailure: false })
      expect(whole.tokens).toEqual({ ...NO_TOKENS, ...tokens })
      for (const size of [1, 2, 3, 7, 64]) expect(read(body, [size])).toEqual(whole)
      FastCheck.assert(
        FastCheck.property(
          FastCheck.array(FastCheck.integer({ min: 1, max: 90 }), { minLength: 1 }),
          (sizes) => {
            expect(read(body, sizes)).toEqual(whole)
          },
        ),
        { numRuns: 100 },
      )
    })
  }

  it("is the same with every end of line that server-sent events may have", () => {
    const body = fixture("anthropic-stream.txt").toString("utf8")
    for (const end of ["\r\n", "\r", "\n"]) {
      for (const size of [1, 5, 1000])
        expect(read(body.replaceAll("\n", end), [size]).tokens).toMatchObject({ input: 25, output: 15 })
    }
  })

  it("is not read from a text that the model wrote, nor from a list", () => {
    const said = JSON.stringify({ usage: { input_tokens: 1, output_tokens: 1 } })
    expect(
      read(JSON.stringify({ content: [{ text: said }, { usage: { output_tokens: 9 } }] })).tokens,
    ).toBeUndefined()
    expect(
      read(`data: ${JSON.stringify({ delta: { text: `\n\ndata: ${said}\n\n` } })}\n\n`).tokens,
    ).toBeUndefined()
    expect(read(JSON.stringify({ choices: [[{ usage: { prompt_tokens: 5 } }]] })).tokens).toBeUndefined()
  })

  it("is a part only, when a stream was cut before its end", () => {
    const body = fixture("anthropic-stream.txt").toString("utf8")
    const cut = read(body.slice(0, body.indexOf("event: message_delta")))
    expect(cut).toMatchObject({ isWhole: false, tokens: { input: 25, output: 1 } })
    expect(cut.textBytes).toBe("Hello!".length)
  })

  it("has reasoning, caches and tiers under each API's own names", () => {
    expect(
      read(
        JSON.stringify({
          service_tier: "priority",
          usage: {
            input_tokens: 100,
            output_tokens: 50,
            input_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
            output_tokens_details: { reasoning_tokens: 40 },
          },
        }),
      ),
    ).toMatchObject({
      tier: "priority",
      tokens: { input: 100, cached: 60, written: 30, output: 50, reasoning: 40 },
    })
    expect(read('{"usage":{"speed":"fast","output_tokens":1}}').tier).toBe("fast")
  })

  it("never fails on what is hostile, and keeps nothing of it", () => {
    const hostile = [
      `{"usage":{"input_tokens":${"9".repeat(500)},"output_tokens":1e400}}`,
      `{"usage":{"input_tokens":-5,"output_tokens":1.9}}`,
      "[".repeat(1_000_000),
      `{"a":`.repeat(200_000),
      `data: {"type":"${"x".repeat(1_000_000)}`,
      `data: ${"\\".repeat(999_999)}`,
      `{"usage":{"${"k".repeat(100_000)}":1,"input_tokens":7}}`,
      '}}}}]]]]"""{{{',
      '{"usage":{"input_tokens":"5","output_tokens":[5]}}',
      Buffer.from([0, 255, 254, 34, 92, 34, 0]),
    ]
    for (const body of hostile) {
      for (const size of [4096, 100_000]) {
        const { tokens = NO_TOKENS } = read(Buffer.from(body), [size])
        for (const count of Object.values(tokens)) {
          expect(Number.isSafeInteger(count)).toBe(true)
          expect(count).toBeGreaterThanOrEqual(0)
        }
      }
    }
    expect(read(`{"usage":{"${"k".repeat(100_000)}":1,"input_tokens":7}}`).tokens).toMatchObject({ input: 7 })
  })

  it("is read from any JSON as JSON.parse would read it", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.jsonValue(),
        FastCheck.nat(1_000_000),
        FastCheck.array(FastCheck.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (noise, count, sizes) => {
          const body = JSON.stringify({ a: noise, usage: { z: noise, output_tokens: count }, b: noise })
          expect(read(body, sizes).tokens).toMatchObject({ output: count })
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe("what a request may use", () => {
  const ask = (body: string, size = 1 << 20, api: ModelApi = "chat") => {
    const reader = readRequest(api)
    const bytes = Buffer.from(body)
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
    return reader.asked()
  }

  it("is its model, its largest output and how many completions it asks for", () => {
    const body = JSON.stringify({
      model: "m",
      messages: [{ model: "x", max_tokens: 9 }],
      max_tokens: 100,
      n: 3,
    })
    for (const size of [1, 3, 1000])
      expect(ask(body, size)).toMatchObject({
        model: "m",
        maxOutput: 100,
        completions: 3,
        input: Math.ceil(body.length / 4),
      })
    expect(ask('{"max_completion_tokens":5}')).toMatchObject({ maxOutput: 5, completions: 1 })
    expect(ask('{"max_output_tokens":6}', 99, "responses").maxOutput).toBe(6)
  })

  it("is the larger one of what it says twice, and no model when it names two", () => {
    expect(ask('{"max_tokens":1,"max_tokens":900,"max_tokens":2}').maxOutput).toBe(900)
    expect(ask('{"model":"cheap","model":"dear"}').model).toBeUndefined()
    expect(ask('{"model":"a","model":"a"}').model).toBe("a")
  })

  it("is bound by the keys of its own API alone, and by no number below 0", () => {
    expect(ask('{"max_tokens":1}', 99, "responses").maxOutput).toBeUndefined()
    expect(ask('{"max_completion_tokens":1}', 99, "messages").maxOutput).toBeUndefined()
    expect(ask('{"max_tokens":-1}').maxOutput).toBeUndefined()
    expect(ask('{"max_tokens":"1"}').maxOutput).toBeUndefined()
  })

  it("is found behind escapes, which a service would read", () => {
    expect(ask('{"\\u006dodel":"de\\u0061r","max\\u005ftokens":7,"n\\u002e":1}')).toMatchObject({
      model: "dear",
      maxOutput: 7,
    })
    expect(ask('{"service_tier":"prior\\u0069ty"}').tier).toBe("priority")
    expect([ask('{"inference_geo":"us"}').tier, ask('{"inference_geo":"global"}').tier]).toEqual([
      "us",
      undefined,
    ])
  })

  it("may be as much as a model reads when it names input that is not in it", () => {
    for (const body of [
      '{"previous_response_id":"resp_1"}',
      '{"conversation":{"id":"c"}}',
      '{"messages":[{"content":[{"source":{"type":"url","url":"https://x"}}]}]}',
    ])
      expect(ask(body).inputAtMost).toBe(1_050_000)
    expect(ask('{"messages":[{"content":"url"}]}').inputAtMost).toBe(32)
  })
})
