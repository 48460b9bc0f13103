/** A call whose agent has gone before it is passed on. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { type IncomingMessage, type ServerResponse, createServer, request as ask } from "node:http"
import { once } from "node:events"
import { AGENT_LEFT, passOn } from "../../../src/sidecar/http/passOn.ts"
import { listening } from "../../support/egress.ts"

it.scoped("is ended without an error that nobody hears, which would end the process", () =>
  Effect.gen(function* () {
    const server = createServer()
    const asked = once(server, "request")
    const { port } = yield* listening(server)
    const client = ask({ port, host: "127.0.0.1" })
    client.on("error", () => undefined)
    client.end()
    const [request, response] = (yield* Effect.promise(() => asked)) as [IncomingMessage, ServerResponse]
    const gone = once(response, "close")
    client.destroy()
    yield* Effect.promise(() => gone)
    const unheard: Array<unknown> = []
    const hear = (error: unknown) => unheard.push(error)
    process.on("uncaughtException", hear)
    const upstream = ask({ port, host: "127.0.0.1" })
    const closed = new Promise((resolve) => upstream.on("close", resolve))
    const call = {
      name: "test",
      headers: () => [],
      reasonOf: () => "failed",
      idleMs: 1000,
      passed: () => undefined,
    }
    const { ended } = yield* passOn(call, upstream, request, response)
    yield* Effect.promise(() => closed)
    yield* Effect.promise(() => new Promise(setImmediate))
    process.off("uncaughtException", hear)
    expect([ended.failure, unheard]).toEqual([AGENT_LEFT, []])
  }),
)
