import { expect, layer } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import { join } from "node:path"
import { describe } from "vitest"
import { docker } from "../../../src/layers/docker/dialect.ts"
import { makeEngine } from "../../../src/layers/docker/engine.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { tempDir } from "../../support/tempDir.ts"

const PURPOSE = { operation: "inspect", target: "test" }

/** The transport to an engine that answers so. */
const over = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.gen(function* () {
    const path = join(yield* tempDir, "engine.sock")
    const server = createServer(answer)
    yield* Effect.acquireRelease(
      Effect.promise(() => new Promise<void>((resolve) => server.listen(path, resolve))),
      () =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        }),
    )
    return yield* (yield* makeEngine(docker, { DOCKER_HOST: `unix://${path}` })).transport
  })

const running = (id: string, isRunning: boolean) =>
  JSON.stringify({ Id: id, State: { Running: isRunning, Status: "" }, Config: { Tty: false } })

describe("an engine's socket", () => {
  layer(NodeProcessRunner.layer, { excludeTestServices: true })((it) => {
    it.scoped("one stream of events serves all who wait, and goes with the last of them", () =>
      Effect.gen(function* () {
        const streams: Array<ServerResponse> = []
        let closed = 0
        const { ended } = yield* over((request, response) => {
          const [, id] = /^\/containers\/(\w+)\/json/.exec(request.url ?? "") ?? []
          if (id !== undefined) return response.end(running(id, true))
          streams.push(response)
          response.on("close", () => (closed += 1))
          response.flushHeaders()
          return response
        })
        const waiters = yield* Effect.forEach(["a", "b", "c"], (id) => Effect.fork(ended(PURPOSE, id)))
        yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => streams.length > 0 })
        yield* Effect.sleep("100 millis")
        expect(streams.length).toBe(1)
        const die = (ID: string) => streams[0]?.write(`${JSON.stringify({ Action: "die", Actor: { ID } })}\n`)
        die("x")
        die("b")
        expect(yield* Fiber.join(waiters[1] as Fiber.Fiber<boolean, unknown>)).toBe(true)
        expect(closed).toBe(0)
        die("a")
        die("c")
        yield* Effect.forEach(waiters, Fiber.join)
        yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => closed === 1 })
      }),
    )

    it.scoped("who waits fails when the engine stops sending events, and can wait again", () =>
      Effect.gen(function* () {
        let streams = 0
        const { ended } = yield* over((request, response) => {
          if (request.url?.startsWith("/containers/")) return response.end(running("a", streams < 2))
          streams += 1
          response.flushHeaders()
          return setTimeout(() => response.destroy(), 50)
        })
        expect(yield* Effect.flip(ended(PURPOSE, "a"))).toMatchObject({ _tag: "BackendUnavailable" })
        expect(yield* ended(PURPOSE, "a")).toBe(true)
      }),
    )

    it.scoped("a log that is cut off fails, and is not taken for a whole one", () =>
      Effect.gen(function* () {
        const { log } = yield* over((request, response) => {
          if (request.url?.includes("/json")) return response.end(running("a", true))
          response.write(Buffer.from([1, 0, 0, 0, 0, 0, 0, 5, 104, 101]))
          return setTimeout(() => response.destroy(), 50)
        })
        expect(yield* Effect.flip(Stream.runDrain(log(PURPOSE, "a", {})))).toMatchObject({
          _tag: "BackendUnavailable",
        })
      }),
    )

    it.scoped("what an engine refuses, or answers in another form, is told as such", () =>
      Effect.gen(function* () {
        const { containers, labelled, info } = yield* over((request, response) => {
          if (request.url === "/info") return response.writeHead(500).end('{"message":"no memory"}')
          return response.writeHead(request.url?.includes("odd") ? 200 : 500).end("<html>")
        })
        expect(yield* Effect.flip(info(PURPOSE))).toMatchObject({ reason: "no memory" })
        expect(yield* Effect.flip(containers(PURPOSE, ["a"]))).toMatchObject({ reason: "<html>" })
        expect(yield* Effect.flip(labelled(PURPOSE, ["odd=1"]))).toMatchObject({
          reason: "the engine described it in an unknown form",
        })
      }),
    )

    it.scoped("a name that would lead to another object is a name of none", () =>
      Effect.gen(function* () {
        const asked: Array<string> = []
        const { images, containers } = yield* over((request, response) => {
          asked.push(request.url ?? "")
          response.writeHead(404).end()
        })
        const names = ["../containers/a", "a/../../info", "a?b=c", "a#b", "a b", "", "a//b", "%2e%2e/info"]
        expect([...(yield* images(PURPOSE, names)), ...(yield* containers(PURPOSE, names))]).toEqual([])
        expect(asked).toEqual([])
        yield* images(PURPOSE, ["localhost:5000/a/b:1", "sha256:ab", "a@sha256:cd"])
        expect(asked.length).toBe(3)
      }),
    )
  })
})
