/** Egress of the sidecar as a process: many tunnels at once, and large ones, within little memory. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import type { Socket } from "node:net"
import { join } from "node:path"
import {
  type Connected,
  eventually,
  openTunnel,
  rest,
  secure,
  tcpServer,
  tlsServer,
} from "../../support/egress.ts"
import { nightly } from "../../support/nightly.ts"
import { documentIn, startSidecar } from "../../support/sidecarProcess.ts"
import { tempDir } from "../../support/tempDir.ts"

/** As SidecarProcess starts it. */
const FLAGS = ["--max-semi-space-size=1", "--max-old-space-size=160"]

/** In MiB. */
const memory = (pid: number | undefined, what: "VmRSS" | "VmHWM"): number =>
  Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

const sidecarTo = (port: number, entry: object = { host: "127.0.0.1", tls: false }) =>
  Effect.gen(function* () {
    const directory = yield* tempDir
    const document = documentIn(directory, {
      limits: { connections: 1024, callRate: 10_000 },
      egress: { allow: [{ port, private: true, ...entry }] },
    })
    const sidecar = yield* startSidecar(JSON.stringify(document), { flags: FLAGS })
    yield* sidecar.ready
    return {
      ...document,
      ...sidecar,
      log: () => readFileSync(join(document.stateDir, "operations.jsonl"), "utf8"),
    }
  })

/** Reads until so many bytes have come, and forgets them. */
const count = (socket: Socket, bytes: number): Effect.Effect<void> =>
  Effect.async((resume) => {
    let seen = 0
    socket.on("data", (chunk: Buffer) => {
      seen += chunk.length
      if (seen >= bytes) resume(Effect.void)
    })
    socket.resume()
  })

const SIZE_MIB = nightly ? 5000 : 200

describe("the sidecar process with egress", () => {
  it.scopedLive("carries 500 tunnels at once, refuses the 513th, and goes on when some have ended", () =>
    Effect.gen(function* () {
      const { port, sockets } = yield* tcpServer((socket) => void socket.pipe(socket))
      const sidecar = yield* sidecarTo(port)
      const before = memory(sidecar.child.pid, "VmRSS")
      const open = (n: number) =>
        Effect.forEach(
          Array.from({ length: n }),
          () => openTunnel(sidecar.socketPath, `127.0.0.1:${port}`, { behind: "hello" }),
          { concurrency: 50 },
        )
      const tunnels: ReadonlyArray<Connected> = yield* open(500)
      expect(new Set(tunnels.map(({ status }) => status))).toEqual(new Set([200]))
      yield* Effect.forEach(tunnels, ({ socket }) => count(socket, 5), { concurrency: "unbounded" })
      const echoes = yield* Effect.forEach(
        tunnels,
        ({ socket }) => {
          socket.write(Buffer.alloc(64 * 1024))
          return count(socket, 64 * 1024)
        },
        { concurrency: "unbounded", discard: true },
      ).pipe(Effect.timed)
      const used = memory(sidecar.child.pid, "VmRSS")
      process.stderr.write(
        `500 tunnels: ${used.toFixed(0)} MiB (${before.toFixed(0)} without), echoed in ${String(echoes[0])}\n`,
      )
      // What node takes for itself differs from version to version.
      expect(used - before).toBeLessThan(100)
      yield* open(12)
      const { status, text } = yield* openTunnel(sidecar.socketPath, `127.0.0.1:${port}`)
      expect([status, text]).toEqual([503, expect.stringContaining("512 connections are open")])
      tunnels[0]?.socket.end()
      yield* Effect.async<void>((resume) => void tunnels[0]?.socket.once("close", () => resume(Effect.void)))
      const again = yield* openTunnel(sidecar.socketPath, `127.0.0.1:${port}`).pipe(
        Effect.repeat({ until: ({ status }) => status === 200, times: 50 }),
      )
      expect(again.status).toBe(200)
      expect(sockets.size).toBeGreaterThanOrEqual(512)
    }),
  )

  it.scopedLive(
    `carries ${SIZE_MIB} MiB in each direction of one tunnel at the pace of the slower side, in little memory`,
    () =>
      Effect.gen(function* () {
        const part = Buffer.alloc(1024 * 1024, 7)
        const flood = (socket: Socket) => {
          let left = SIZE_MIB
          const more = () => {
            while (left > 0) {
              left -= 1
              if (!socket.write(part)) return void socket.once("drain", more)
            }
            socket.end()
          }
          more()
        }
        const { port } = yield* tcpServer((socket) => {
          flood(socket)
          socket.resume()
        })
        const sidecar = yield* sidecarTo(port)
        const { socket } = yield* openTunnel(sidecar.socketPath, `127.0.0.1:${port}`)
        const start = Date.now()
        let seen = 0
        socket.on("data", (chunk: Buffer) => (seen += chunk.length))
        socket.resume()
        flood(socket)
        yield* Effect.async<void>((resume) => void socket.once("end", () => resume(Effect.void)))
        yield* Effect.async<void>(
          (resume) =>
            void (socket.closed ? resume(Effect.void) : socket.once("close", () => resume(Effect.void))),
        )
        const seconds = (Date.now() - start) / 1000
        const high = memory(sidecar.child.pid, "VmHWM")
        process.stderr.write(
          `${SIZE_MIB} MiB each way in ${seconds.toFixed(1)} s, at most ${high.toFixed(0)} MiB\n`,
        )
        expect(seen).toBe(SIZE_MIB * part.length)
        expect(high).toBeLessThan(150)
        const bytes = SIZE_MIB * part.length
        yield* eventually(() => sidecar.log().includes('"phase":"end"'))
        expect(sidecar.log()).toContain(`${bytes} bytes up, ${bytes} bytes down`)
      }),
    Math.max(60_000, SIZE_MIB * 100),
  )

  it.scopedLive("reaches a host by TLS, and refuses at once what is not listed", () =>
    Effect.gen(function* () {
      const { port, cert } = yield* tlsServer(["localhost"])
      const sidecar = yield* sidecarTo(port, { host: "localhost" })
      const { socket } = yield* openTunnel(sidecar.socketPath, `localhost:${port}`)
      const tls = yield* secure(socket, "localhost", cert)
      tls.end("end to end")
      expect(String(yield* rest(tls))).toBe("end to end")
      const [time] = yield* Effect.timed(
        Effect.forEach(
          Array.from({ length: 200 }, (_, n) => `host-${n}.invalid:443`),
          (target) => openTunnel(sidecar.socketPath, target),
        ),
      )
      process.stderr.write(`200 refusals in ${String(time)}\n`)
      expect(
        sidecar
          .log()
          .split("\n")
          .filter((line) => line.includes(".invalid")),
      ).toHaveLength(200)
    }),
  )
})
