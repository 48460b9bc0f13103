/** Limits of a run at its neck: what is refused, in which terms, and that it is reported once. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { readFileSync } from "node:fs"
import { createConnection } from "node:net"
import { join } from "node:path"
import { verifyChain } from "../../../src/sidecar/record/OperationChain.ts"
import * as QueueDir from "../../../src/sidecar/record/QueueDir.ts"
import { serve } from "../../support/serve.ts"
import { decodeDocument } from "../../../src/sidecar/SidecarDocument.ts"
import * as FakeForge from "../../../src/testing/FakeForge.ts"
import { raw, rpc, send } from "../../support/rpc.ts"
import { documentIn } from "../../support/sidecarProcess.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { tempDir } from "../../support/tempDir.ts"

const SLUG = Slug.make("door-abcde")

const seed: FakeForge.FakeForgeSeed = {
  owner: "ada",
  repo: "cellar",
  issues: [{ number: 17, title: "The door", body: "It does not close.", author: "ada" }],
}

/** A place for a bottle's state; each `launch` serves it by a new sidecar until the scope closes. */
const bottle = Effect.gen(function* () {
  const directory = yield* tempDir
  const fake = yield* FakeForge.make(seed)
  const place = documentIn(directory)
  const launch = (limits: object, more: object = {}) =>
    Effect.gen(function* () {
      const forge = {
        apiUrl: "http://forge.invalid/api/v1",
        owner: "ada",
        repo: "cellar",
        token: "t".repeat(40),
        issueNumber: 17,
      }
      const document = yield* decodeDocument(JSON.stringify({ ...place, forge, limits, ...more }))
      yield* serve(document).pipe(Effect.provide(FakeForge.forges(fake)))
    })
  const lines = () => readFileSync(join(place.stateDir, "operations.jsonl"), "utf8").trimEnd().split("\n")
  const entries = () => lines().map((line) => JSON.parse(line) as Record<string, unknown>)
  /** Limits that the watcher is told of. */
  const told = Effect.map(QueueDir.events(join(place.stateDir, "queue"), SLUG), (events) =>
    events.flatMap(({ event }) => (event.kind === "limit-reached" ? [[event.limit, event.value]] : [])),
  )
  /** A report is written beside the refusal. */
  const reported = (limit: string, value: number) =>
    Effect.gen(function* () {
      const events = yield* Effect.repeat(Effect.delay(told, "10 millis"), {
        until: (found) => found.length > 0,
      })
      expect(events).toEqual([[limit, value]])
      expect(entries().filter(({ op, target }) => op === "limit" && target === limit).length).toBe(1)
      expect(verifyChain(lines()).ok).toBe(true)
    })
  return { ...place, launch, entries, lines, told, reported }
})

const CALL = (method: string, params: object, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params })
const READ = CALL("read_issue", { number: 17 })

/** Sends the head of a call and waits until the neck asks for its body; the effect that it returns sends that, and returns the answer. */
const admittedCall = (socketPath: string, body: string): Effect.Effect<Effect.Effect<string>> =>
  Effect.async((resume) => {
    const socket = createConnection(socketPath)
    let text = ""
    socket.setEncoding("utf8")
    socket.on("error", () => undefined)
    socket.once("data", () =>
      resume(
        Effect.succeed(
          Effect.async((answered) => {
            socket.on("data", (chunk) => (text += String(chunk)))
            socket.on("close", () => answered(Effect.succeed(text)))
            socket.write(body)
          }),
        ),
      ),
    )
    socket.write(
      `POST /rpc HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`,
    )
  })

describe("the limit of calls per second", () => {
  it.scopedLive(
    "lets a burst pass and refuses the rest in the terms of each protocol, and is reported once",
    () =>
      Effect.gen(function* () {
        const { socketPath, launch, entries, reported } = yield* bottle
        yield* launch({ callRate: 1 })
        for (let call = 0; call < 5; call++) {
          expect((yield* send(socketPath, { body: READ })).status).toBe(200)
        }
        const refused = yield* send(socketPath, { body: READ })
        expect([refused.status, refused.json()]).toEqual([
          429,
          {
            jsonrpc: "2.0",
            id: null,
            error: { code: -32006, message: "too many calls: this run may make 1 per second" },
          },
        ])
        const mcp = yield* send(socketPath, { path: "/mcp", body: READ })
        expect([mcp.status, mcp.json()]).toMatchObject([429, { error: { code: -32006 } }])
        for (const path of [
          "/forge/read-issue?number=17",
          "/git/app.git/info/refs",
          "/route/x/",
          "http://a.invalid/",
        ]) {
          const { status, text } = yield* send(socketPath, { path, method: "POST" })
          expect([path, status, text]).toEqual([
            path,
            429,
            "too many calls: this run may make 1 per second\n",
          ])
        }
        const tunnel = yield* raw(socketPath, "CONNECT a.invalid:443 HTTP/1.1\r\nhost: a.invalid:443\r\n\r\n")
        expect(tunnel).toMatch(/^HTTP\/1\.1 429 [\s\S]*retry-after: 1\r\n/i)
        expect((yield* send(socketPath, { path: "/healthz", method: "GET" })).status).toBe(200)
        yield* reported("callRate", 1)
        expect(entries().filter(({ op }) => op === "read_issue").length).toBe(5)
      }),
  )

  it.scopedLive("counts each call of a batch", () =>
    Effect.gen(function* () {
      const { socketPath, launch } = yield* bottle
      yield* launch({ callRate: 1 })
      const body = `[${Array.from({ length: 20 }, (_, id) => CALL("read_issue", { number: 17 }, id)).join(",")}]`
      const answers = (yield* send(socketPath, { body })).json() as ReadonlyArray<{
        id: number
        error?: { code: number }
      }>
      expect(answers.map(({ id, error }) => [id, error?.code])).toEqual(
        Array.from({ length: 20 }, (_, id) => [id, id < 5 ? undefined : -32006]),
      )
    }),
  )
})

describe("the limit of connections", () => {
  it.scopedLive("answers one too many and closes it; others take its place when one is closed", () =>
    Effect.gen(function* () {
      const { socketPath, launch, reported } = yield* bottle
      yield* launch({ connections: 3 })
      const open = Effect.async<ReturnType<typeof createConnection>>((resume) => {
        const socket = createConnection(socketPath, () => resume(Effect.succeed(socket)))
        socket.on("error", () => undefined)
      })
      const sockets = yield* Effect.all([open, open, open])
      expect(yield* raw(socketPath, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).toMatch(
        /^HTTP\/1\.1 429 [\s\S]*retry-after: 1[\s\S]*3 connections are open: close some\n$/,
      )
      for (const socket of sockets) socket.destroy()
      yield* Effect.retry(
        Effect.filterOrFail(send(socketPath, { body: READ }), ({ status }) => status === 200),
        Schedule.spaced("10 millis"),
      )
      yield* reported("connections", 3)
    }),
  )
})

describe("the limit of the operation log", () => {
  it.scopedLive(
    "refuses calls when it is reached, ends what has begun, and leaves nothing that was done unlogged",
    () =>
      Effect.gen(function* () {
        const { socketPath, launch, entries, lines, reported } = yield* bottle
        const most = 20_000
        yield* launch({ logBytes: most, comments: 1000 })
        let posted = 0
        let refused: unknown
        for (let call = 0; call < 200; call++) {
          const answer = yield* rpc(socketPath, call % 2 === 0 ? "post_comment" : "limit", {
            number: 17,
            body: `Text ${call}`,
          })
          if (answer.result !== undefined) posted += 1
          if (answer.error?.code === -32006) refused = answer.error.message
        }
        expect(refused).toContain("the operation log of this run is at its limit (limits.logBytes)")
        expect(posted).toBeGreaterThan(5)
        const of = (phase: string) =>
          entries().filter((entry) => entry["op"] === "post_comment" && entry["phase"] === phase)
        expect([of("begin").length, of("end").length]).toEqual([posted, posted])
        expect(lines().join("\n").length).toBeLessThan(most + 2048)
        const text = yield* send(socketPath, { path: "/forge/read-issue?number=17" })
        expect([text.status, text.text]).toMatchObject([429, expect.stringContaining("limits.logBytes")])
        yield* reported("logBytes", most)
      }),
  )

  it.scopedLive("refuses calls too that were admitted before it was reached", () =>
    Effect.gen(function* () {
      const { socketPath, launch, lines } = yield* bottle
      const most = 3000
      yield* launch({ logBytes: most })
      const admitted = yield* Effect.all(
        Array.from({ length: 20 }, () => admittedCall(socketPath, READ)),
        { concurrency: "unbounded" },
      )
      yield* Effect.iterate(0, {
        while: (code) => code !== -32006,
        body: () =>
          Effect.map(rpc(socketPath, "read_issue", { number: 17 }), ({ error }) => error?.code ?? 0),
      })
      const answers = yield* Effect.all(admitted, { concurrency: "unbounded" })
      expect(answers.filter((text) => !text.includes('"code":-32006'))).toEqual([])
      expect(lines().join("\n").length).toBeLessThan(most + 2048)
    }),
  )

  it.scopedLive("counts what this run has added, also when its sidecar was launched again", () =>
    Effect.gen(function* () {
      const { socketPath, launch, told } = yield* bottle
      const fill = Effect.iterate(0, {
        while: (code) => code !== -32006,
        body: () =>
          Effect.map(rpc(socketPath, "read_issue", { number: 17 }), ({ error }) => error?.code ?? 0),
      })
      yield* Effect.scoped(Effect.zipRight(launch({ logBytes: 3000 }, { run: 1 }), fill))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* launch({ logBytes: 3000 }, { run: 1 })
          expect((yield* rpc(socketPath, "read_issue", { number: 17 })).error?.code).toBe(-32006)
        }),
      )
      expect((yield* told).length).toBe(1)
      yield* launch({ logBytes: 3000 }, { run: 2 })
      expect((yield* rpc(socketPath, "read_issue", { number: 17 })).result).toBeDefined()
    }),
  )
})

describe("the limit of comments", () => {
  it.scopedLive("lets 20 pass in a run unless said otherwise, and those that were refused do not count", () =>
    Effect.gen(function* () {
      const { socketPath, launch, reported, entries } = yield* bottle
      const post = (body: string, number = 17) => rpc(socketPath, "post_comment", { number, body })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* launch({})
          for (let n = 0; n < 30; n++) expect((yield* post("Out of scope", 1)).error?.code).toBe(-32001)
          for (let n = 0; n < 15; n++) expect((yield* post(`Text ${n}`)).result).toBeDefined()
        }),
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* launch({})
          const answers = yield* Effect.all(
            Array.from({ length: 10 }, (_, n) => post(`More ${n}`)),
            { concurrency: "unbounded" },
          )
          expect(answers.filter(({ result }) => result !== undefined).length).toBe(5)
          expect(answers.find(({ error }) => error !== undefined)?.error).toMatchObject({
            code: -32006,
            message: expect.stringContaining("has posted 20 comments and may post no more"),
          })
          const text = yield* send(socketPath, { path: "/forge/post-comment?number=17", body: "One more" })
          expect(text.status).toBe(429)
          yield* reported("comments", 20)
          expect(entries().filter(({ op, phase }) => op === "post_comment" && phase === "end").length).toBe(
            20,
          )
        }),
      )
      yield* launch({}, { run: 2 })
      expect((yield* post("Of the next run")).result).toBeDefined()
    }),
  )
})
