/** What many calls, bodies, answers and connections cost the sidecar as a process, with the flags that it runs with. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { type AddressInfo, type Socket, createConnection } from "node:net"
import { rpc, send } from "../../support/rpc.ts"
import { documentIn, startSidecar } from "../../support/sidecarProcess.ts"
import { tempDir } from "../../support/tempDir.ts"

const MIB = 1024 * 1024
/** As SidecarProcess starts it. */
const FLAGS = ["--max-semi-space-size=1", "--max-old-space-size=160"]
/** More than it takes; the bodies alone have 60. */
const PEAK_MIB = 300

/** In MiB. */
const memory = (pid: number | undefined, what: "VmRSS" | "VmHWM"): number =>
  Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

/** A forge that takes a little time, and has an issue with a comment of `size` bytes. */
const forge = (size: number) =>
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

const sidecar = Effect.gen(function* () {
  const { port } = yield* forge(3 * MIB)
  const directory = yield* tempDir
  const document = documentIn(directory, {
    limits: { callRate: 10_000, comments: 1000, connections: 1000 },
    forge: {
      apiUrl: `http://127.0.0.1:${port}/api/v1`,
      owner: "ada",
      repo: "cellar",
      token: "0123456789abcdef0123456789abcdef01234567",
      issueNumber: 17,
    },
  })
  const started = yield* startSidecar(JSON.stringify(document), { flags: FLAGS })
  yield* started.ready
  return { ...document, ...started }
})

const livesOn = (socketPath: string) =>
  Effect.map(rpc(socketPath, "read_issue", { number: 17 }), ({ result }) =>
    expect(result).toMatchObject({ number: 17 }),
  )

const call = (method: string, params: unknown) => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })
const objects = (n: number) => Array.from({ length: n }, () => ({}))
const batch = (method: string, params: unknown) =>
  `[${Array.from({ length: 100 }, () => call(method, params)).join(",")}]`

const floods: ReadonlyArray<readonly [string, number, string]> = [
  ["comments of 1 MB", 90, call("post_comment", { number: 17, body: "\u0416x".repeat(330_000) })],
  ["bodies of 340,000 objects", 40, call("read_issue", { number: 17, x: objects(340_000) })],
  ["batches of large calls", 40, batch("read_issue", { number: 17, x: objects(3_000) })],
  ["batches of large answers", 6, batch("read_comments", { number: 17 })],
  ["large answers", 30, call("read_comments", { number: 17 })],
]

describe("a sidecar that is flooded", () => {
  for (const [what, times, body] of floods) {
    it.scopedLive(
      `lives through ${what}, ${times} at once, in bounded memory, and answers each`,
      () =>
        Effect.gen(function* () {
          const { socketPath, child } = yield* sidecar
          const answers = yield* Effect.all(
            Array.from({ length: times }, () => send(socketPath, { body })),
            { concurrency: "unbounded" },
          )
          expect(answers.filter(({ status }) => status !== 200 && status !== 429)).toEqual([])
          expect(answers.some(({ status }) => status === 200)).toBe(true)
          yield* livesOn(socketPath)
          expect(memory(child.pid, "VmHWM")).toBeLessThan(PEAK_MIB)
        }),
      120_000,
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

  it.scopedLive(
    "holds bodies in pieces of one byte in no more than their size",
    () =>
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
    60_000,
  )
})
