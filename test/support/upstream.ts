/** An upstream of a route: a server on loopback that keeps what it was asked, and a sidecar in this process with a route to it. */
import { ConfigProvider, Effect } from "effect"
import { readFileSync } from "node:fs"
import { type IncomingMessage, type RequestListener, createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { serve } from "./serve.ts"
import type { SidecarTimes } from "../../src/sidecar/SidecarSettings.ts"
import { decodeDocument } from "../../src/sidecar/SidecarDocument.ts"
import * as FakeForge from "../../src/testing/FakeForge.ts"
import { send } from "./rpc.ts"
import { tempDir } from "./tempDir.ts"

/** The real key of the tests' routes. */
export const KEY = "sk-real-0123456789abcdefghij"

/** What an upstream was asked. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly rawHeaders: ReadonlyArray<string>
  body: string
}

/** A server; it closes with the scope. `listener` is called when the head of a request is there. */
export const upstream = (listener?: RequestListener) =>
  Effect.gen(function* () {
    const asked: Array<Asked> = []
    const server = createServer((incoming, response) => {
      const { method = "", url = "", headers, rawHeaders } = incoming
      const entry: Asked = { method, url, headers, rawHeaders, body: "" }
      asked.push(entry)
      if (listener !== undefined) return listener(incoming, response)
      incoming.setEncoding("utf8")
      incoming.on("data", (chunk: string) => (entry.body += chunk))
      incoming.on("end", () => response.end(`${method} ${url}`))
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.sync(() => (server.closeAllConnections(), server.close())),
    )
    return { asked, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  })

/** A route named `api` to an upstream. */
export const routeTo = (url: string, more: object = {}) => ({
  name: "api",
  upstream: url,
  header: "Authorization",
  scheme: "Bearer",
  value: KEY,
  private: true,
  ...more,
})

/** Whatever proxy this machine has, these sidecars have none. */
const NO_VARIABLES = ConfigProvider.fromMap(new Map())

/** A sidecar without a forge that serves these routes. */
export const sidecarWith = (
  routes: ReadonlyArray<object>,
  options: {
    readonly loopback?: boolean
    readonly times?: SidecarTimes
    /** More of the document. */
    readonly document?: object
    /** Of an earlier sidecar, which this one follows. */
    readonly directory?: string
  } = {},
) =>
  Effect.gen(function* () {
    const directory = options.directory ?? (yield* tempDir)
    const socketPath = join(directory, "run", "neck", "neck.sock")
    const text = JSON.stringify({
      slug: "door-abcde",
      socketPath,
      stateDir: join(directory, "state"),
      routes,
      ...(options.loopback === true && { loopback: true }),
      ...options.document,
    })
    const fake = yield* FakeForge.make({ owner: "ada", repo: "cellar" })
    yield* serve(yield* decodeDocument(text), {
      drainMs: 200,
      ...options.times,
    }).pipe(Effect.provide(FakeForge.forges(fake)), Effect.withConfigProvider(NO_VARIABLES))
    const logText = () => readFileSync(join(directory, "state", "operations.jsonl"), "utf8")
    return {
      directory,
      socketPath,
      logText,
      lines: () => logText().trim().split("\n"),
      entries: () =>
        logText()
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      send: (options: Parameters<typeof send>[1]) => send(socketPath, options),
    }
  })

/** Sends the head of a request and answers when that of the response is there; both bodies are the test's. */
export const openCall = (
  socketPath: string,
  options: { readonly method?: string; readonly path: string; readonly headers?: Record<string, string> },
) =>
  Effect.async<{
    readonly outgoing: ReturnType<typeof request>
    readonly answer: IncomingMessage
  }>((resume) => {
    const outgoing = request({ socketPath, agent: false, method: "POST", ...options }, (answer) =>
      resume(Effect.succeed({ outgoing, answer })),
    )
    outgoing.on("error", () => undefined)
    outgoing.flushHeaders()
    if ((options.method ?? "POST") === "GET") outgoing.end()
  })

/** The next part of a body; `""` when it ended, `"cut"` when it was cut off. */
export const nextPart = (answer: IncomingMessage): Effect.Effect<string> =>
  Effect.async((resume) => {
    answer.once("data", (chunk: Buffer) => {
      answer.pause()
      resume(Effect.succeed(chunk.toString("utf8")))
    })
    answer.once("end", () => resume(Effect.succeed("")))
    answer.once("error", () => resume(Effect.succeed("cut")))
    answer.resume()
  })
