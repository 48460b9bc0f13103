/** Limits of what a run may use hold: for calls one after the other, at once, over a restart, and for an agent that cheats. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import { Slug } from "../../../src/domain/Slug.ts"
import { meterFile, meterLineText, readMeterLines } from "../../../src/domain/usage/MeterLine.ts"
import { totalOf } from "../../../src/domain/usage/RunMeter.ts"
import { NO_TOKENS } from "../../../src/domain/usage/Tokens.ts"
import * as QueueDir from "../../../src/sidecar/record/QueueDir.ts"
import { tempDir } from "../../support/tempDir.ts"
import { routeTo, sidecarWith, upstream } from "../../support/upstream.ts"

const MODEL = "claude-opus-4-6"

/** A provider that says that each call used so much. */
const provider = (input: number, output: number) =>
  upstream((asked, response) => {
    let body = ""
    asked.on("data", (part: Buffer) => (body += part.toString("utf8")))
    asked.on("end", () => {
      const { model = "m" } = JSON.parse(body) as { readonly model?: string }
      response.end(JSON.stringify({ model, usage: { input_tokens: input, output_tokens: output } }))
    })
  })

const limited = (
  url: string,
  limits: object,
  more: { readonly directory?: string; readonly prices?: object } = {},
) =>
  Effect.map(
    sidecarWith([routeTo(url, { model: true })], {
      document: { limits, ...(more.prices !== undefined && { prices: more.prices }) },
      ...(more.directory !== undefined && { directory: more.directory }),
    }),
    (neck) => ({
      ...neck,
      ask: (body: object | string = {}, path = "/v1/messages") =>
        neck.send({
          path: `/route/api${path}`,
          body: typeof body === "string" ? body : JSON.stringify({ model: MODEL, max_tokens: 100, ...body }),
        }),
      used: () =>
        totalOf(readMeterLines(readFileSync(join(neck.directory, "state", meterFile(1)), "utf8")).meter),
      /** The events, once there are so many. */
      told: (count: number) =>
        QueueDir.events(join(neck.directory, "state", "queue"), Slug.make("door-abcde")).pipe(
          Effect.delay("2 millis"),
          Effect.repeat({ until: (all) => all.length >= count }),
          Effect.map((all) => all.map(({ event }) => event)),
        ),
    }),
  )

describe("a limit of what a run may use", () => {
  it.scopedLive("refuses the call that does not fit, and each one after it, in the form of its API", () =>
    Effect.gen(function* () {
      const server = yield* provider(50, 30)
      const neck = yield* limited(server.url, { tokens: 270 })
      for (let call = 0; call < 2; call += 1) expect((yield* neck.ask()).status).toBe(200)
      const refused = yield* neck.ask()
      expect([refused.status, refused.json()]).toEqual([
        400,
        {
          type: "error",
          error: { type: "invalid_request_error", message: expect.stringContaining("limits.tokens") },
        },
      ])
      for (const path of ["/v1/responses", "/v1/chat/completions"]) {
        const other = yield* neck.ask({ max_tokens: 1 }, path)
        expect([other.status, other.json()]).toEqual([
          400,
          {
            error: {
              message: expect.stringContaining("limits.tokens"),
              type: "invalid_request_error",
              param: null,
              code: "billing_hard_limit_reached",
            },
          },
        ])
      }
      // The first one that was refused had begun there, and the others had not.
      expect(server.asked.length).toBe(3)
      expect(neck.used()).toMatchObject({ calls: 2, tokens: 160 })
      expect(yield* neck.told(1)).toMatchObject([
        { kind: "limit-reached", limit: "tokens", value: 270, run: 1 },
      ])
      expect(
        neck
          .entries()
          .filter(({ outcome }) => outcome === "rejected")
          .map(({ op, reason }) => [op, reason]),
      ).toEqual([
        ["limit", "limit reached"],
        ["route", "limit: tokens"],
        ["route", "limit: tokens"],
        ["route", "limit: tokens"],
      ])
    }),
  )

  it.scopedLive("says to a client that it should not repeat the call, in a text without numbers", () =>
    Effect.gen(function* () {
      const neck = yield* limited((yield* provider(1, 1)).url, { calls: 0 })
      const headers = yield* Effect.async<Record<string, unknown>>((resume) => {
        request(
          { socketPath: neck.socketPath, method: "POST", path: "/route/api/v1/messages", agent: false },
          (answer) => {
            answer.resume()
            resume(Effect.succeed(answer.headers))
          },
        ).end("{}")
      })
      expect(headers).toMatchObject({ "x-should-retry": "false", "content-type": "application/json" })
      expect((yield* neck.ask()).text).not.toMatch(/\d/)
    }),
  )

  it.scopedLive("of money counts by the price table and its overrides, and of calls by calls", () =>
    Effect.gen(function* () {
      const server = yield* provider(1000, 1000)
      const prices = { own: { input: 1, output: 9 } }
      // Each call costs a cent.
      const neck = yield* limited(server.url, { cost: 0.025 }, { prices })
      const ask = () => neck.ask({ model: "own", max_tokens: 1000 })
      expect((yield* ask()).status).toBe(200)
      expect(neck.used()).toMatchObject({ cost: 10_000 })
      expect([(yield* ask()).status, (yield* ask()).status]).toEqual([200, 400])
      expect(yield* neck.told(1)).toMatchObject([{ limit: "cost", value: 0.025 }])

      const counted = yield* limited(server.url, { calls: 2 })
      const before = server.asked.length
      const statuses = [yield* counted.ask(), yield* counted.ask(), yield* counted.ask()].map(
        ({ status }) => status,
      )
      // What cannot fit is not even begun at the provider.
      expect([statuses, server.asked.length - before]).toEqual([[200, 200, 400], 2])
      expect(yield* counted.told(1)).toMatchObject([{ limit: "calls", value: 2 }])
    }),
  )

  it.scopedLive("of money refuses a model or a tier without a price, and the run goes on", () =>
    Effect.gen(function* () {
      const server = yield* provider(1, 1)
      const neck = yield* limited(server.url, { cost: 1 })
      for (const body of [{ model: "unheard-of" }, { service_tier: "priority" }, { speed: "fast" }]) {
        const { status, text } = yield* neck.ask(body)
        expect([status, text]).toEqual([400, expect.stringContaining("prices.yaml")])
      }
      expect((yield* neck.ask()).status).toBe(200)
      expect(yield* neck.told(0)).toEqual([])
      expect(neck.used().calls).toBe(1)
    }),
  )

  it.scopedLive("refuses a call from which it cannot be read what it may use", () =>
    Effect.gen(function* () {
      const server = yield* provider(1, 1)
      const neck = yield* limited(server.url, { tokens: 1_000_000 })
      const utf16 = Buffer.from(JSON.stringify({ model: MODEL, max_tokens: 1 }), "utf16le").toString("latin1")
      for (const body of ["{}", "no json", utf16, `{"model":"a","model":"b"}`])
        expect([body, (yield* neck.ask(body)).status]).toEqual([body, 400])
      const packed = yield* neck.send({
        path: "/route/api/v1/messages",
        headers: { "content-encoding": "unheard-of" },
        body: JSON.stringify({ model: MODEL }),
      })
      expect(packed.status).toBe(400)
      expect(neck.used().calls).toBe(0)
    }),
  )

  it.scopedLive("without a maximum in the request reserves the published one, for each completion", () =>
    Effect.gen(function* () {
      const server = yield* provider(1, 1)
      const free = { max_tokens: undefined }
      expect((yield* (yield* limited(server.url, { tokens: 128_100 })).ask(free)).status).toBe(200)
      expect((yield* (yield* limited(server.url, { tokens: 128_000 })).ask(free)).status).toBe(400)
      const twice = yield* limited(server.url, { tokens: 128_100 })
      expect((yield* twice.ask({ ...free, n: 2 })).status).toBe(400)
    }),
  )

  it.scopedLive("does not let a refused request become whole at the provider", () =>
    Effect.gen(function* () {
      const ended: Array<boolean> = []
      const server = yield* upstream((asked) => {
        asked.on("error", () => undefined)
        asked.resume().on("close", () => ended.push(asked.complete))
      })
      const neck = yield* limited(server.url, { tokens: 10 })
      const { status } = yield* neck.ask({ messages: ["x".repeat(200_000)] })
      expect(status).toBe(400)
      yield* Effect.repeat(Effect.sleep("1 millis"), {
        until: () => ended.length > 0 || server.asked.length === 0,
      })
      expect(ended).not.toContain(true)
    }),
  )

  it.scopedLive(
    "holds for twenty calls at once: they pass it by no more than one call's reservation error",
    () =>
      Effect.gen(function* () {
        // Each call turns out to use four times its estimated input, as a text of rare characters does.
        const text = "x".repeat(4000)
        const size = JSON.stringify({ model: MODEL, max_tokens: 100, messages: [text] }).length
        const server = yield* provider(size, 100)
        const limit = 10_000
        const neck = yield* limited(server.url, { tokens: limit })
        const statuses = yield* Effect.forEach(
          Array.from({ length: 20 }),
          () => Effect.map(neck.ask({ messages: [text] }), ({ status }) => status),
          { concurrency: "unbounded" },
        )
        const error = size - Math.ceil(size / 4)
        expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0)
        expect(neck.used().tokens).toBeLessThanOrEqual(limit + error)
        // Those that only have to wait are told to come again.
        expect(statuses).toContain(429)
        for (let call = 0; call < 3; call += 1) yield* neck.ask({ messages: [text] })
        expect(neck.used().tokens).toBeLessThanOrEqual(limit + error)
        expect((yield* neck.ask({ messages: [text] })).status).toBe(400)
      }),
  )

  it.scopedLive("holds over a restart of the sidecar, with the calls that were in flight", () =>
    Effect.gen(function* () {
      const server = yield* provider(50, 30)
      const directory = yield* tempDir
      const ask = (limits: object) =>
        Effect.scoped(
          Effect.flatMap(limited(server.url, limits, { directory }), (neck) =>
            Effect.map(neck.ask(), ({ status }) => status),
          ),
        )
      expect(yield* ask({ tokens: 400 })).toBe(200)
      // A sidecar that was killed left a call without an end, and a torn line.
      const file = join(directory, "state", meterFile(1))
      const use = {
        route: "api",
        model: MODEL,
        calls: 1,
        ...NO_TOKENS,
        input: 20,
        output: 100,
        estimated: 1,
        cost: 0,
        unpriced: 0,
      }
      writeFileSync(
        file,
        `${readFileSync(file, "utf8")}${meterLineText({ line: "begin", id: 7, use })}{"line":"end","id":7,"us`,
      )
      expect(yield* ask({ tokens: 400 })).toBe(200)
      expect(totalOf(readMeterLines(readFileSync(file, "utf8")).meter)).toMatchObject({
        calls: 3,
        tokens: 280,
      })
      expect(yield* ask({ tokens: 390 })).toBe(400)
      // What was reached stays reached.
      expect(yield* ask({ tokens: 4000 })).toBe(400)
    }),
  )

  it.scopedLive("tells the agent at 80 %, in the answers of its forge and MCP calls", () =>
    Effect.gen(function* () {
      const neck = yield* limited((yield* provider(400, 1)).url, { tokens: 1000, calls: 100 })
      const forge = () => neck.send({ path: "/forge/read-issue?number=17" })
      const mcp = () =>
        neck.send({
          path: "/mcp",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            jsonrpc: "2.0",
            id: 1,
            method: "tools/call",
            params: { name: "read_issue", arguments: { number: 17 } },
          }),
        })
      yield* neck.ask()
      for (const { text } of [yield* forge(), yield* mcp()]) expect(text).not.toContain("bot-bottle")
      yield* neck.ask()
      for (const { text } of [yield* forge(), yield* mcp()])
        expect(text).toContain("Note from bot-bottle: this run has used 80 % of its tokens.")
    }),
  )
})
