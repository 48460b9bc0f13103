/** Credentials of routes that change during a run: from files and commands of the host, after a refusal and before it. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { type ClientRequest, type RequestListener, request } from "node:http"
import { join } from "node:path"
import { KEPT_BYTES_MAX } from "../../../src/sidecar/http/keptBody.ts"
import { eventually } from "../../support/egress.ts"
import { send } from "../../support/rpc.ts"
import { routeTo, sidecarWith, upstream } from "../../support/upstream.ts"
import { tempDir } from "../../support/tempDir.ts"

const FIRST = "first-secret-0123456789"
const SECOND = "second-secret-0123456789"

/** A service that takes one token at a time; `eager` refuses before it has read the request. */
const service = (eager = false) =>
  Effect.gen(function* () {
    const state = { token: FIRST, bodies: new Array<number>() }
    const listener: RequestListener = (incoming, response) => {
      const refused = incoming.headers.authorization !== `Bearer ${state.token}`
      const refuse = () => {
        response.writeHead(401, { "content-type": "application/json" })
        response.end('{"error":"token expired"}')
      }
      if (refused && eager) return refuse()
      let size = 0
      incoming.on("data", (chunk: Buffer) => (size += chunk.length))
      incoming.on("end", () => {
        if (refused) return refuse()
        state.bodies.push(size)
        response.end(`took ${size}`)
      })
    }
    return { ...(yield* upstream(listener)), state }
  })

/** A file with a secret, and a command that prints it and counts its runs. */
const sources = Effect.gen(function* () {
  const directory = yield* tempDir
  const [file, count] = [join(directory, "secret"), join(directory, "count")]
  writeFileSync(file, FIRST, { mode: 0o600 })
  const command = ["sh", "-c", `echo x >>'${count}'; cat '${file}'`]
  return {
    file,
    runs: () => (existsSync(count) ? readFileSync(count, "utf8").length / 2 : 0),
    /** Fresh for a long time. */
    command: { source: { command, ttl: "1h" }, until: Date.now() + 3_600_000, value: FIRST },
    /** Over since before the first call. */
    stale: { source: { command, ttl: "1h" }, until: 1, value: FIRST },
    fromFile: { source: { file }, value: FIRST },
    write: (secret: string) => writeFileSync(file, secret),
  }
})

const ask = (neck: { readonly socketPath: string }, body: string | Buffer = "{}") =>
  send(neck.socketPath, { path: "/route/api/x", body })

const textOf = (outgoing: ClientRequest): Effect.Effect<string> =>
  Effect.async((resume) => {
    outgoing.on("error", ({ message }) => resume(Effect.succeed(message)))
    outgoing.on("response", (answer) => {
      let text = ""
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      answer.on("end", () => resume(Effect.succeed(text)))
    })
  })

describe("a route whose secret is in a file", () => {
  it.scopedLive("uses the content of the file at each call, and the last one while it cannot be read", () =>
    Effect.gen(function* () {
      const { fromFile, write } = yield* sources
      const { url, state } = yield* service()
      const neck = yield* sidecarWith([routeTo(url, fromFile)])
      expect((yield* ask(neck)).status).toBe(200)
      write(SECOND)
      state.token = SECOND
      expect((yield* ask(neck)).status).toBe(200)
      write("two\nlines")
      expect((yield* ask(neck)).status).toBe(200)
      expect(neck.entries().filter(({ op }) => op === "secret")).toMatchObject([
        { target: "api authorization", outcome: "ok", detail: "read again" },
        {
          target: "api authorization",
          outcome: "failed",
          reason: "the secret must be one line of plain text",
        },
      ])
      expect(neck.logText()).not.toMatch(/secret-0123|two/)
    }),
  )
})

describe("a route whose secret a command prints", () => {
  it.scopedLive("runs it when its time is over, once for all calls, and not before", () =>
    Effect.gen(function* () {
      const { stale, command, runs, write } = yield* sources
      const { url, asked, state } = yield* service()
      const fresh = yield* sidecarWith([routeTo(url, command)])
      expect([(yield* ask(fresh)).status, runs()]).toEqual([200, 0])
      const over = yield* sidecarWith([routeTo(url, stale)])
      write(SECOND)
      state.token = SECOND
      const answers = yield* Effect.all(
        Array.from({ length: 8 }, () => ask(over)),
        { concurrency: "unbounded" },
      )
      expect([answers.map(({ status }) => status), runs()]).toEqual([Array(8).fill(200), 1])
      // No call was made with what was over.
      expect(asked.slice(1).map(({ headers }) => headers.authorization)).toEqual(
        Array(8).fill(`Bearer ${SECOND}`),
      )
    }),
  )

  it.scopedLive("runs it again once after a refusal, and repeats the calls with their bodies", () =>
    Effect.gen(function* () {
      const { command, runs, write } = yield* sources
      const { url, asked, state } = yield* service()
      const neck = yield* sidecarWith([routeTo(url, command)])
      write(SECOND)
      state.token = SECOND
      const answers = yield* Effect.all(
        Array.from({ length: 8 }, (_, n) => ask(neck, "x".repeat(n * 100_000))),
        { concurrency: "unbounded" },
      )
      expect(answers.map(({ text }) => text)).toEqual(
        Array.from({ length: 8 }, (_, n) => `took ${n * 100_000}`),
      )
      expect([runs(), state.bodies.length]).toEqual([1, 8])
      // Those that came after the run were not refused.
      expect(asked.length).toBeGreaterThan(8)
      const get = yield* send(neck.socketPath, { path: "/route/api/x", method: "GET" })
      expect([get.status, runs()]).toEqual([200, 1])
    }),
  )

  it.scopedLive("repeats a call that was refused before its body was there", () =>
    Effect.gen(function* () {
      const { command, write } = yield* sources
      const { url, asked, state } = yield* service(true)
      const neck = yield* sidecarWith([routeTo(url, command)])
      write(SECOND)
      state.token = SECOND
      const outgoing = request({
        socketPath: neck.socketPath,
        path: "/route/api/x",
        method: "POST",
        agent: false,
      })
      const answered = yield* Effect.fork(textOf(outgoing))
      outgoing.write("a".repeat(100_000))
      // The first was refused, and the second waits for the rest.
      yield* eventually(() => asked.length === 2)
      outgoing.end("b".repeat(50_000))
      expect(yield* Fiber.join(answered)).toBe("took 150000")
      expect(state.bodies).toEqual([150_000])
    }),
  )

  it.scopedLive("passes a refusal on when the body is too large to keep, and has the next call succeed", () =>
    Effect.gen(function* () {
      const { command, runs, write } = yield* sources
      const { url, state } = yield* service()
      const neck = yield* sidecarWith([routeTo(url, command)])
      write(SECOND)
      state.token = SECOND
      const large = yield* ask(neck, Buffer.alloc(KEPT_BYTES_MAX + 1))
      expect([large.status, large.text, runs()]).toEqual([401, '{"error":"token expired"}', 1])
      expect((yield* ask(neck, Buffer.alloc(KEPT_BYTES_MAX + 1))).text).toBe(`took ${KEPT_BYTES_MAX + 1}`)
    }),
  )

  it.scopedLive("is not run in a loop by an agent whose calls are refused in a loop", () =>
    Effect.gen(function* () {
      const { command, runs } = yield* sources
      const { url, state } = yield* service()
      state.token = "nobody has this"
      const neck = yield* sidecarWith([routeTo(url, command)])
      for (let n = 0; n < 20; n += 1) {
        const { status, text } = yield* ask(neck)
        expect([status, text]).toEqual([401, '{"error":"token expired"}'])
      }
      expect(runs()).toBe(1)
    }),
  )

  it.scopedLive(
    "keeps the secret before when it fails, is not run in a loop, and says so without its output",
    () =>
      Effect.gen(function* () {
        const { stale, runs, file } = yield* sources
        const { url } = yield* service()
        const command = ["sh", "-c", `${stale.source.command[2]}; cat '${file}' >&2; exit 3`]
        const neck = yield* sidecarWith([routeTo(url, { ...stale, source: { command, ttl: "1s" } })])
        for (let n = 0; n < 5; n += 1) expect((yield* ask(neck)).status).toBe(200)
        expect(runs()).toBe(1)
        expect(neck.entries().filter(({ op }) => op === "secret")).toMatchObject([
          { outcome: "failed", reason: "the command sh ended with 3: run it in a terminal to see why" },
        ])
        expect(neck.logText()).not.toContain("secret-0123")
      }),
  )
})
