/** Clients that do not read their answers: what they hold at the neck is given back. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { type Socket, createConnection } from "node:net"
import { serve } from "../support/serve.ts"
import { decodeDocument } from "../../src/sidecar/SidecarDocument.ts"
import * as FakeForge from "../../src/testing/FakeForge.ts"
import { send } from "../support/rpc.ts"
import { documentIn } from "../support/sidecarProcess.ts"
import { tempDir } from "../support/tempDir.ts"

const SIZE = 8 * 1024 * 1024
const TIMEOUT_MS = 400

/** A neck for a single connection, with an issue whose comment is larger than what a socket holds. */
const neck = Effect.gen(function* () {
  const fake = yield* FakeForge.make({
    owner: "ada",
    repo: "cellar",
    issues: [{ number: 17, title: "x", author: "ada", comments: [{ user: "ada", body: "x".repeat(SIZE) }] }],
  })
  const forge = {
    apiUrl: "http://forge.invalid/api/v1",
    owner: "ada",
    repo: "cellar",
    token: "t".repeat(40),
    issueNumber: 17,
  }
  const document = documentIn(yield* tempDir, { forge, limits: { connections: 1 } })
  yield* serve(yield* decodeDocument(JSON.stringify(document)), {
    requestTimeoutMs: TIMEOUT_MS,
  }).pipe(Effect.provide(FakeForge.forges(fake)))
  return document.socketPath
})

/** Asks for the comments, and reads nothing. */
const ask = (socketPath: string) =>
  Effect.acquireRelease(
    Effect.async<Socket>((resume) => {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "read_comments", params: { number: 17 } })
      const socket = createConnection(socketPath)
      socket.pause()
      socket.on("error", () => undefined)
      socket.write(
        `POST /rpc HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
        () => resume(Effect.succeed(socket)),
      )
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

describe("a client that does not read its answer", () => {
  it.scopedLive("is cut off, and its place is free again", () =>
    Effect.gen(function* () {
      const socketPath = yield* neck
      yield* ask(socketPath)
      expect((yield* send(socketPath, { path: "/healthz", method: "GET" })).status).toBe(429)
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "read_issue", params: { number: 17 } })
      yield* Effect.retry(
        Effect.filterOrFail(send(socketPath, { body }), ({ status }) => status === 200),
        Schedule.spaced("20 millis"),
      )
    }),
  )

  it.scopedLive("is let be while it reads a little from time to time, however long that takes", () =>
    Effect.gen(function* () {
      const socket = yield* ask(yield* neck)
      const began = Date.now()
      const read = yield* Effect.async<number>((resume) => {
        let size = 0
        socket.on("data", (bytes) => {
          size += bytes.length
          // As much as a socket holds, then a rest of a part of the time-out.
          if (Math.floor(size / (512 * 1024)) === Math.floor((size - bytes.length) / (512 * 1024))) return
          socket.pause()
          setTimeout(() => socket.resume(), TIMEOUT_MS / 4)
        })
        socket.on("close", () => resume(Effect.succeed(size)))
        socket.resume()
      })
      expect(read).toBeGreaterThan(SIZE)
      expect(Date.now() - began).toBeGreaterThan(2 * TIMEOUT_MS)
    }),
  )
})
