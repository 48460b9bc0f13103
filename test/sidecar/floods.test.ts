/** What many calls, bodies, answers and connections cost the sidecar as a process, with the flags that it runs with. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { type AddressInfo, type Socket, createConnection } from "node:net"
import { rpc, send } from "../support/rpc.ts"
import { documentIn, startSidecar } from "../support/sidecarProcess.ts"
import { tempDir } from "../support/tempDir.ts"

const MIB = 1024 * 1024
const TOKEN = "0123456789abcdef0123456789abcdef01234567"
/** As SidecarProcess starts it. */
const FLAGS = ["--max-semi-space-size=1", "--max-old-space-size=160"]
/** More than it takes; the bodies alone have 60. */
const PEAK_MIB = 300

/** In MiB. */
const memory = (pid: number | undefined, what: "VmRSS" | "VmHWM"): number =>
  Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

/** A forge that takes a little time, and has an issue with a comment of `size` bytes; one that `hangs` only says who we are. */
const forge = (size: number, hangs: boolean) =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
      const user = { id: 2, login: "ada" }
      const at = "2026-01-01T00:00:00Z"
      const comments = JSON.stringify([
        { id: 1, body: "\u0416".repeat(size / 2), created_at: at, updated_at: at, user },
      ])
      const issue = JSON.stringify({ number: 17, title: "x", body: "", state: "open", user })
      const server = createServer((request, response) => {
        request.resume()
        if (request.url?.endsWith("/user") === true) return void response.end(JSON.stringify(user))
        if (hangs) return
        setTimeout(() => {
          response.setHeader("content-type", "application/json")
          response.end(request.url?.includes("/comments") === true ? comments : issue)
        }, 20)
      })
      server.listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            port: (server.address() as AddressInfo).port,
            close: () => (server.closeAllConnections(), server.close()),
          }),
        ),
      )
    }),
    ({ close }) => Effect.sync(close),
  )

interface World {
  readonly answerBytes?: number
  readonly hangs?: boolean
  readonly connections?: number
}

const sidecarWith = Effect.fnUntraced(function* (world: World) {
  const { port } = yield* forge(world.answerBytes ?? 3 * MIB, world.hangs ?? false)
  const directory = yield* tempDir
  const document = documentIn(directory, {
    limits: { callRate: 10_000, comments: 1000, connections: world.connections ?? 1000 },
    forge: {
      apiUrl: `http://127.0.0.1:${port}/api/v1`,
      owner: "ada",
      repo: "cellar",
      token: TOKEN,
      issueNumber: 17,
    },
  })
  const started = yield* startSidecar(JSON.stringify(document), { flags: FLAGS })
  yield* started.ready
  return { ...document, ...started }
})

const sidecar = sidecarWith({})

const livesOn = (socketPath: string) =>
  Effect.map(rpc(socketPath, "read_issue", { number: 17 }), ({ result }) =>
    expect(result).toMatchObject({ number: 17 }),
  )

const call = (method: string, params: unknown) => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })
const objects = (n: number) => Array.from({ length: n }, () => ({}))
const batch = (method: string, params: unknown) =>
  `[${Array.from({ length: 100 }, () => call(method, params)).join(",")}]`

const floods: ReadonlyArray<readonly [string, number, string, World?]> = [
  ["comments of 1 MB", 90, call("post_comment", { number: 17, body: "\u0416x".repeat(330_000) })],
  ["bodies of 340,000 objects", 40, call("read_issue", { number: 17, x: objects(340_000) })],
  ["batches of large calls", 40, batch("read_issue", { number: 17, x: objects(3_000) })],
  ["batches of large answers", 6, batch("read_comments", { number: 17 })],
  ["large answers", 120, call("read_comments", { number: 17 })],
  ["answers that are too large", 30, call("read_comments", { number: 17 }), { answerBytes: 15 * MIB }],
]

describe("a sidecar that is flooded", () => {
  for (const [what, times, body, world = {}] of floods) {
    it.scopedLive(`lives through ${what}, ${times} at once, in bounded memory, and answers each`, () =>
      Effect.gen(function* () {
        const { socketPath, child } = yield* sidecarWith(world)
        const answers = yield* Effect.all(
          Array.from({ length: times }, () => send(socketPath, { body })),
          { concurrency: "unbounded" },
        )
        expect(answers.filter(({ status }) => status !== 200 && status !== 429)).toEqual([])
        expect(answers.some(({ status }) => status === 200)).toBe(true)
        yield* livesOn(socketPath)
        expect(memory(child.pid, "VmHWM")).toBeLessThan(PEAK_MIB)
      }),
    )
  }

  const opened = (socketPath: string, head: string, write: (socket: Socket) => void) =>
    Effect.acquireRelease(
      Effect.async<Socket>((resume) => {
        const socket = createConnection(socketPath, () => {
          socket.write(head)
          write(socket)
          resume(Effect.succeed(socket))
        })
        socket.on("error", () => undefined)
      }),
      (socket) => Effect.sync(() => socket.destroy()),
    )

  /** A connection that is kept, for calls one after another. */
  const kept = (socketPath: string) =>
    Effect.map(
      opened(socketPath, "", () => undefined),
      (socket) => (body: string) =>
        Effect.async<string>((resume) => {
          socket.once("data", (bytes) => resume(Effect.succeed(String(bytes))))
          socket.write(`POST /rpc HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
        }),
    )

  it.scopedLive("holds bodies in pieces of one byte in no more than their size", () =>
    Effect.gen(function* () {
      const { socketPath, child } = yield* sidecar
      const before = memory(child.pid, "VmRSS")
      const head = "POST /rpc HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
      const pieces = "1\r\n \r\n".repeat(500_000)
      const answers = yield* Effect.all(
        Array.from({ length: 4 }, () =>
          Effect.flatMap(
            opened(socketPath, head, (socket) => socket.write(`${pieces}0\r\n\r\n`)),
            (socket) =>
              Effect.async<string>(
                (resume) => void socket.once("data", (bytes) => resume(Effect.succeed(String(bytes)))),
              ),
          ),
        ),
        { concurrency: "unbounded" },
      )
      expect(answers.filter((text) => text.includes("-32700")).length).toBe(4)
      expect(memory(child.pid, "VmHWM") - before).toBeLessThan(100)
    }),
  )

  const UNFINISHED = `POST /rpc HTTP/1.1\r\nhost: x\r\ncontent-length: ${MIB}\r\n\r\n`
  const ALMOST = Buffer.alloc(MIB - 1, 0x20)
  /** Stays open, if it may; done when the sidecar has taken or refused what was written. */
  const unfinished = (socketPath: string) =>
    Effect.acquireRelease(
      Effect.async<Socket>((resume) => {
        const socket = createConnection(socketPath)
        const settle = () => resume(Effect.succeed(socket))
        socket.on("error", () => undefined)
        // What is over the limit of connections is closed, and a listener whose backlog is full takes none.
        socket.on("close", settle)
        socket.write(UNFINISHED)
        socket.write(ALMOST, settle)
        socket.resume()
      }),
      (socket) => Effect.sync(() => socket.destroy()),
    )

  for (const connections of [256, 1000]) {
    it.scopedLive(
      `holds 1000 connections with an unfinished body of 1 MB each in bounded memory, and answers calls beside and after them, where ${connections} may be open`,
      () =>
        Effect.gen(function* () {
          const { socketPath, child } = yield* sidecarWith({ connections })
          yield* Effect.scoped(
            Effect.gen(function* () {
              const beside = yield* kept(socketPath)
              const sockets = yield* Effect.all(
                Array.from({ length: 1000 }, () => unfinished(socketPath)),
                { concurrency: 32 },
              )
              expect(sockets.filter((socket) => !socket.destroyed).length).toBeGreaterThan(200)
              expect(yield* beside(call("read_issue", { number: 17 }))).toContain('"number":17')
            }),
          )
          // The sidecar sees that connections were closed one after another.
          yield* Effect.retry(
            Effect.filterOrFail(
              send(socketPath, { body: call("read_issue", { number: 17 }) }),
              ({ status }) => status === 200,
            ),
            Schedule.spaced("50 millis"),
          )
          expect(memory(child.pid, "VmHWM")).toBeLessThan(PEAK_MIB)
        }),
    )
  }

  /** Far less than the 30 seconds that a forge has, also on a machine that does much else. */
  const atOnce = Effect.timeoutFail({ duration: "8 seconds", onTimeout: () => "it waited" as const })
  const reads = (count: number) => Array.from({ length: count }, () => call("read_issue", { number: 17 }))
  const posts = Array.from({ length: 8 }, () =>
    call("post_comment", { number: 17, body: "x".repeat(300_000) }),
  )
  const hanging: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["16 small calls", reads(16)],
    ["200 small calls", reads(200)],
    ["8 large calls", posts],
    ["8 batches of calls", Array.from({ length: 8 }, () => batch("read_issue", { number: 17 }))],
  ]
  for (const [what, bodies] of hanging) {
    for (const stays of [true, false]) {
      it.scopedLive(
        `answers what does not ask the forge at once while ${what}${stays ? "" : " of clients that have left"} wait for a forge that hangs`,
        () =>
          Effect.gen(function* () {
            const { socketPath } = yield* sidecarWith({ hangs: true })
            // The scanner has begun before the others do.
            const secret = { status: "success", summary: TOKEN }
            expect((yield* rpc(socketPath, "signal_done", secret)).error?.code).toBe(-32004)
            yield* Effect.forEach(bodies, (body) =>
              Effect.flatMap(
                opened(
                  socketPath,
                  `POST /rpc HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`,
                  (socket) => (stays ? socket.write(body) : socket.end(body)),
                ),
                (socket) => (stays ? Effect.void : Effect.sync(() => socket.destroySoon())),
              ),
            )
            const refused = yield* atOnce(rpc(socketPath, "post_comment", { number: 1, body: "x" }))
            expect(refused.error?.code).toBe(-32001)
            const identity = yield* atOnce(rpc(socketPath, "git_identity", {}))
            expect(identity.result).toMatchObject({ name: "ada" })
            const done = { status: "success", summary: "d".repeat(4000) }
            expect((yield* atOnce(rpc(socketPath, "signal_done", done))).result).toBe(null)
          }),
        30_000,
      )
    }
  }
})
