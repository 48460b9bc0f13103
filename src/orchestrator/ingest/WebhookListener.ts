/** WebhookListener serves POST /webhook over HTTP until its scope ends. */
import { Duration, Effect, FiberSet, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { ListenFailed } from "../../domain/Errors.ts"
import {
  type Answer,
  type DeliverySettings,
  type Headers,
  refusedByHeaders,
  WEBHOOK_BYTES_MAX,
} from "./readDelivery.ts"
import { type AcceptHint, type OnSigned, webhook } from "./webhook.ts"

/** Where to listen, and what is accepted. */
export interface WebhookListenerOptions extends DeliverySettings {
  readonly accept: AcceptHint
  readonly onSigned?: OnSigned
  readonly host: string
  /** 0: a free one. */
  readonly port: number
}

/** Listens until the scope ends; what was begun is then answered, for at most {@link DRAIN}. Returns the port. */
export const listen = (options: WebhookListenerOptions): Effect.Effect<number, ListenFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const run = yield* FiberSet.makeRuntime<never>()
    const judge = webhook(options, options.accept, options.onSigned)
    const server = createServer(
      { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1000 },
      route((headers, body, answer) => {
        run(Effect.map(judge(headers, body), answer))
      }),
    )
    server.maxConnections = CONNECTIONS_MAX
    yield* Effect.acquireRelease(opened(server, options), () => closed(server))
    return (server.address() as AddressInfo).port
  })

type Handle = (headers: Headers, body: Uint8Array, answer: (answer: Answer) => void) => void

/** Gitea waits 5 s for the answer to all of it. */
const REQUEST_MS = 10_000
/** Each may hold a body of the largest size before anything is known of its sender. */
const CONNECTIONS_MAX = 256
/** How long answers that are under way are waited for at the end. */
const DRAIN = Duration.seconds(2)
/** So much of a refused body is read and dropped, so that a client that reads only after it wrote sees the refusal. */
const DROPPED_MAX = 16 * WEBHOOK_BYTES_MAX

const route =
  (handle: Handle) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    const reply = (status: number, text: string) => {
      response.writeHead(status, {
        "content-type": "text/plain; charset=utf-8",
        "content-length": Buffer.byteLength(`${text}\n`),
        ...(status === 405 && { allow: "POST" }),
        ...(!request.complete && { connection: "close" }),
      })
      response.write(`${text}\n`)
      // Before all of the body was read, the end of the answer would cut the connection under the client's hands.
      if (request.complete) response.end()
    }
    if (request.url?.split("?")[0] !== "/webhook")
      return drop(request, response, () => reply(404, "not found"))
    if (request.method !== "POST") return drop(request, response, () => reply(405, "only POST"))
    const refusal = refusedByHeaders(request.headers)
    if (refusal._tag === "Some")
      return drop(request, response, () => reply(refusal.value.status, refusal.value.text))
    const body = { buffer: Buffer.alloc(0), used: 0 }
    const read = (chunk: Buffer): void => {
      if (body.used + chunk.length > WEBHOOK_BYTES_MAX) {
        request.off("data", read)
        body.buffer = Buffer.alloc(0)
        return drop(request, response, () => reply(413, "the body is too large"))
      }
      append(body, chunk)
    }
    request.on("data", read)
    request.once("end", () => {
      if (!response.headersSent)
        handle(request.headers, body.buffer.subarray(0, body.used), ({ status, text }) => reply(status, text))
    })
  }

/** Answers, and drops what else of the body comes. */
const drop = (request: IncomingMessage, response: ServerResponse, answer: () => void): void => {
  let dropped = 0
  answer()
  request.on("data", (chunk: Buffer) => {
    dropped += chunk.length
    if (dropped > DROPPED_MAX) request.destroy()
  })
  request.once("end", () => response.end())
}

/** In one buffer: a million pieces of one byte would hold a hundred times their size. */
const append = (body: { buffer: Buffer; used: number }, chunk: Buffer): void => {
  const needed = body.used + chunk.length
  if (needed > body.buffer.length) {
    const larger = Buffer.allocUnsafeSlow(Math.min(WEBHOOK_BYTES_MAX, Math.max(needed, 2 * body.used)))
    body.buffer.copy(larger, 0, 0, body.used)
    body.buffer = larger
  }
  chunk.copy(body.buffer, body.used)
  body.used = needed
}

const opened = (
  server: Server,
  { host, port }: Pick<WebhookListenerOptions, "host" | "port">,
): Effect.Effect<void, ListenFailed> =>
  Effect.async((resume) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      resume(new ListenFailed({ host, port, reason: error.code ?? "it failed" })),
    )
    server.listen(port, host, () => resume(Effect.void))
  })

const closed = (server: Server): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    server.close(() => resume(Effect.void))
  }).pipe(
    Effect.timeoutTo({ duration: DRAIN, onSuccess: () => undefined, onTimeout: () => undefined }),
    Effect.interruptible,
    Effect.ensuring(Effect.sync(() => server.closeAllConnections())),
  )
