/** Calls to models are counted from what passes, and nothing that passes is changed by it. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import type { IncomingMessage, RequestListener } from "node:http"
import { request } from "node:http"
import { join } from "node:path"
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib"
import { meterFile, readMeterLines } from "../../../src/domain/usage/MeterLine.ts"
import { totalOf } from "../../../src/domain/usage/RunMeter.ts"
import { mutator, randomOf } from "../../support/fuzz.ts"
import { tempDir } from "../../support/tempDir.ts"
import { routeTo, sidecarWith, upstream } from "../../support/upstream.ts"

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../fixtures/usage/${name}`, import.meta.url))

/** What a sidecar in this directory has counted, as if it had ended. */
const counted = (directory: string, run = 1) =>
  readMeterLines(readFileSync(join(directory, "state", meterFile(run)), "utf8")).meter

/** Asks until what was counted is as it should be: compressed bodies are read aside. */
const untilCounted = (directory: string, calls: number) =>
  Effect.repeat(
    Effect.delay(
      Effect.sync(() => readMeterLines(readFileSync(join(directory, "state", meterFile(1)), "utf8"), true)),
      "2 millis",
    ),
    { until: ({ meter }) => totalOf(meter).calls >= calls },
  ).pipe(Effect.map(({ meter }) => meter))

const answering =
  (
    body: Buffer,
    headers: Record<string, string> = {},
    sizes: ReadonlyArray<number> = [body.length],
  ): RequestListener =>
  (asked, response) => {
    asked.resume().on("end", () => {
      response.writeHead(200, headers)
      for (let at = 0, n = 0; at < body.length; n += 1) {
        const size = Math.max(1, sizes[n % sizes.length] ?? 1)
        response.write(body.subarray(at, at + size))
        at += size
      }
      response.end()
    })
  }

/** The raw bytes of an answer. */
const post = (socketPath: string, path: string, body: string | Buffer, headers = {}) =>
  Effect.async<{ readonly answer: IncomingMessage; readonly bytes: Buffer }, Error>((resume) => {
    const asked = request({ socketPath, method: "POST", path, headers, agent: false }, (answer) => {
      const parts: Array<Buffer> = []
      answer.on("data", (part: Buffer) => parts.push(part))
      answer.on("end", () => resume(Effect.succeed({ answer, bytes: Buffer.concat(parts) })))
      answer.on("error", (error) => resume(Effect.fail(error)))
    })
    asked.on("error", (error) => resume(Effect.fail(error)))
    asked.end(body)
  })

const ASKED = JSON.stringify({ model: "claude-opus-4-6", max_tokens: 1000, messages: [] })

describe("a call to a model", () => {
  for (const [name, pack] of Object.entries({
    plain: (body: Buffer) => body,
    gzip: gzipSync,
    br: brotliCompressSync,
    deflate: deflateSync,
  })) {
    it.scopedLive(`is counted from its stream (${name}), and passes unchanged`, () =>
      Effect.gen(function* () {
        const body = pack(fixture("anthropic-stream.txt"))
        const headers = {
          "content-type": "text/event-stream",
          ...(name !== "plain" && { "content-encoding": name }),
        }
        const server = yield* upstream(answering(body, headers, [1, 7, 100]))
        const neck = yield* sidecarWith([routeTo(server.url, { model: true })])
        const { answer, bytes } = yield* post(neck.socketPath, "/route/api/v1/messages", ASKED)
        expect(bytes.equals(body)).toBe(true)
        expect(answer.headers["content-encoding"]).toBe(headers["content-encoding"])
        expect(server.asked[0]?.headers["content-length"]).toBe(String(ASKED.length))
        const meter = yield* untilCounted(neck.directory, 1)
        expect(meter.models).toEqual([
          expect.objectContaining({
            route: "api",
            model: "claude-opus-4-6",
            calls: 1,
            input: 25,
            output: 15,
            estimated: 0,
            unpriced: 0,
            cost: 25 * 5 + 15 * 25,
          }),
        ])
      }),
    )
  }

  it.scopedLive("is counted by route and model over a restart of the sidecar, and by run", () =>
    Effect.gen(function* () {
      const bodies = ["responses.json", "chat.json", "anthropic-cache.json"].map(fixture)
      const server = yield* upstream((asked, response) =>
        answering(bodies.shift() ?? Buffer.alloc(0))(asked, response),
      )
      const routes = [routeTo(server.url, { model: true })]
      const directory = yield* tempDir
      yield* Effect.scoped(
        Effect.gen(function* () {
          const neck = yield* sidecarWith(routes, { directory })
          yield* neck.send({ path: "/route/api/v1/responses", body: ASKED })
          yield* neck.send({ path: "/route/api/v1/chat/completions", body: ASKED })
        }),
      )
      expect(totalOf(counted(directory))).toMatchObject({
        calls: 2,
        tokens: 123 + 29,
        unpriced: 0,
        cost: 2700,
      })
      const neck = yield* sidecarWith(routes, { directory })
      yield* neck.send({ path: "/route/api/v1/messages", body: ASKED })
      expect(counted(directory).models.map(({ model, calls }) => [model, calls])).toEqual([
        ["gpt-4.1-2025-04-14", 2],
        ["claude-opus-4-6", 1],
      ])
      expect(totalOf(counted(directory))).toMatchObject({ calls: 3, cached: 100_000, written: 248 })
    }),
  )

  it.scopedLive("whose provider reports nothing is estimated, and says so", () =>
    Effect.gen(function* () {
      const text = "x".repeat(4000)
      const chunk = JSON.stringify({ model: "local", choices: [{ delta: { content: text } }] })
      const server = yield* upstream(answering(Buffer.from(`data: ${chunk}\n\ndata: [DONE]\n\n`)))
      const neck = yield* sidecarWith([routeTo(server.url)])
      const body = JSON.stringify({ model: "local", messages: [{ content: "y".repeat(4000) }] })
      yield* neck.send({ path: "/route/api/v1/chat/completions", body })
      expect(counted(neck.directory).models).toEqual([
        expect.objectContaining({
          model: "local",
          estimated: 1,
          input: Math.ceil(body.length / 4),
          output: 1000,
          unpriced: 1,
        }),
      ])
    }),
  )

  it.scopedLive("that is refused by its provider, or does not reach it, uses nothing", () =>
    Effect.gen(function* () {
      const server = yield* upstream((asked, response) =>
        asked
          .resume()
          .on("end", () =>
            response.writeHead(529).end('{"type":"error","error":{"type":"overloaded_error"}}'),
          ),
      )
      const neck = yield* sidecarWith([
        routeTo(server.url, { model: true }),
        routeTo("http://127.0.0.1:9", { name: "none", model: true }),
      ])
      yield* neck.send({ path: "/route/api/v1/messages", body: ASKED })
      yield* neck.send({ path: "/route/none/v1/messages", body: ASKED })
      expect(totalOf(counted(neck.directory))).toMatchObject({
        calls: 2,
        tokens: 0,
        cost: 0,
        unpriced: 0,
        estimated: 0,
      })
    }),
  )

  it.scopedLive("that its agent leaves counts with the most that it may have used", () =>
    Effect.gen(function* () {
      const start = fixture("anthropic-stream.txt").toString("utf8").split("event: message_delta")[0] ?? ""
      const server = yield* upstream((asked, response) =>
        asked.resume().on("end", () => response.write(start)),
      )
      const neck = yield* sidecarWith([routeTo(server.url, { model: true })])
      yield* Effect.async<void>((resume) => {
        const asked = request(
          { socketPath: neck.socketPath, method: "POST", path: "/route/api/v1/messages", agent: false },
          (answer) =>
            answer.once("data", () => {
              asked.destroy()
              resume(Effect.void)
            }),
        )
        asked.on("error", () => undefined)
        asked.end(ASKED)
      })
      const meter = yield* untilCounted(neck.directory, 1)
      expect(meter.models).toEqual([expect.objectContaining({ estimated: 1, input: 25, output: 1000 })])
    }),
  )

  it.scopedLive("is any POST to a path of the three APIs, and nothing else", () =>
    Effect.gen(function* () {
      const server = yield* upstream()
      const neck = yield* sidecarWith([
        routeTo(server.url),
        routeTo(server.url, { name: "model", model: true }),
      ])
      const ask = (path: string, method = "POST") =>
        neck.send({ path: `/route/${path}`, method, ...(method === "POST" && { body: "{}" }) })
      for (const path of ["api/v1/models", "api/notes", "model/v1/messages/count_tokens"]) yield* ask(path)
      yield* ask("model/v1/models", "GET")
      expect(counted(neck.directory).models).toEqual([])
      for (const path of [
        "api/v1/messages",
        "api/v1/responses",
        "api/x/chat/completions",
        "api/v1/mess%61ges",
        "api/v1/MESSAGES/",
        "model/whatever",
      ])
        yield* ask(path)
      expect(totalOf(counted(neck.directory)).calls).toBe(6)
    }),
  )
})

describe("what passes", () => {
  it.scopedLive("is the same byte for byte, whatever it is, cut anywhere and many at once", () =>
    Effect.gen(function* () {
      const random = randomOf(17)
      const seeds = ["anthropic-stream.txt", "responses-stream.txt", "chat-stream.txt", "chat.json"].map(
        fixture,
      )
      const next = mutator(random, seeds, [
        "data: ",
        "\n\n",
        "\r",
        '{"usage":{"output_tokens":',
        "\\u00",
        '"',
        "}}",
        "event: ",
      ])
      const encodings = ["", "gzip", "br", "deflate", "gzip", "nonsense", "zstd", "gzip, br"]
      const bodies = Array.from({ length: 160 }, (_, n) => {
        const plain = next()
        const encoding = encodings[n % encodings.length] ?? ""
        const packed =
          encoding === "br"
            ? brotliCompressSync(plain)
            : encoding === "deflate"
              ? deflateSync(plain)
              : encoding === "gzip"
                ? gzipSync(plain)
                : plain
        // Every fourth compressed body is damaged.
        if (n % 4 === 1 && packed.length > 8) packed[Math.floor(random() * packed.length)] = 255
        return { body: packed, encoding, size: 1 + Math.floor(random() * 300) }
      })
      const server = yield* upstream((asked, response) => {
        const { body, encoding, size } = bodies[Number(asked.headers["x-stainless-retry-count"])] ?? {
          body: Buffer.alloc(0),
          encoding: "",
          size: 1,
        }
        answering(body, encoding === "" ? {} : { "content-encoding": encoding }, [size])(asked, response)
      })
      const neck = yield* sidecarWith([
        routeTo(server.url, { model: true, headers: ["x-stainless-retry-count"] }),
      ])
      yield* Effect.forEach(
        bodies,
        ({ body }, n) =>
          Effect.map(
            post(neck.socketPath, "/route/api/v1/messages", ASKED, { "x-stainless-retry-count": String(n) }),
            ({ bytes }) => expect([n, bytes.equals(body)]).toEqual([n, true]),
          ),
        { concurrency: 20, discard: true },
      )
      const meter = yield* untilCounted(neck.directory, bodies.length)
      for (const use of meter.models)
        for (const count of Object.values(use))
          if (typeof count === "number") expect(Number.isSafeInteger(count)).toBe(true)
    }),
  )

  it.scopedLive("is not held back by a bomb, which is not unpacked beyond a bound", () =>
    Effect.gen(function* () {
      const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024, " "), { level: 1 })
      const server = yield* upstream(answering(bomb, { "content-encoding": "gzip" }, [65_536]))
      const neck = yield* sidecarWith([routeTo(server.url, { model: true })])
      const before = process.memoryUsage().rss
      const { bytes } = yield* post(neck.socketPath, "/route/api/v1/messages", ASKED)
      expect(bytes.length).toBe(bomb.length)
      yield* untilCounted(neck.directory, 1)
      expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024)
    }),
  )

  it.scopedLive("comes to the agent before it is read", () =>
    Effect.gen(function* () {
      let release = () => {}
      const parts = fixture("anthropic-stream.txt")
        .toString("utf8")
        .split(/(?<=\n\n)/)
      const server = yield* upstream((asked, response) =>
        asked.resume().on("end", () => {
          response.write(parts[0])
          release = () => response.end(parts.slice(1).join(""))
        }),
      )
      const neck = yield* sidecarWith([routeTo(server.url, { model: true })], {
        document: { limits: { tokens: 1_000_000 } },
      })
      yield* Effect.async<void>((resume) => {
        const asked = request(
          { socketPath: neck.socketPath, method: "POST", path: "/route/api/v1/messages", agent: false },
          (answer) => {
            let text = ""
            answer.on("data", (part: Buffer) => {
              text += part.toString("utf8")
              // Each event is there while the next one is not yet sent.
              if (text === parts[0]) release()
            })
            answer.on("end", () => resume(Effect.sync(() => expect(text).toBe(parts.join("")))))
          },
        )
        asked.end(ASKED)
      })
      expect(totalOf(counted(neck.directory)).tokens).toBe(40)
    }),
  )
})
