/**
 * WebhookListener serves POST /webhook over HTTP until its scope ends, and beside it health checks and the interface for operators. Nothing
 * but webhooks and health checks is answered without an operator's token.
 */
import { Duration, Effect, FiberSet, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { ListenFailed } from "../../domain/Errors.ts"
import type { HandleOperator } from "../http/door/Door.ts"
import type { DoorAnswer } from "../http/door/signIn.ts"
import {
  type Answer,
  type DeliverySettings,
  type Headers,
  refusedByHeaders,
  WEBHOOK_BYTES_MAX,
} from "./readDelivery.ts"
import { type AcceptHint, type OnSigned, webhook } from "./webhook.ts"

/** Where to listen, and what to accept. */
export interface WebhookListenerOptions extends DeliverySettings {
  readonly accept: AcceptHint
  readonly onSigned?: OnSigned
  /** Whether the service can do its work now, for GET /readyz; always unless given. */
  readonly isReady?: Effect.Effect<boolean>
  /** The interface for operators; without it there is none. */
  readonly operators?: HandleOperator
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** Listens until the scope ends. Requests in progress are then answered, for at most {@link DRAIN}. Returns the port. */
export const listen = (options: WebhookListenerOptions): Effect.Effect<number, ListenFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const run = yield* FiberSet.makeRuntime<never>()
    const judge = webhook(options, options.accept, options.onSigned)
    const server = createServer(
      { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1000 },
      route(
        (headers, body, answer) => {
          run(Effect.map(judge(headers, body), answer))
        },
        {
          readyz: (answer) => void run(Effect.map(options.isReady ?? Effect.succeed(true), answer)),
          operators: options.operators,
        },
      ),
    )
    server.maxConnections = CONNECTIONS_MAX
    yield* Effect.acquireRelease(opened(server, options), () => closed(server))
    return (server.address() as AddressInfo).port
  })

type Handle = (headers: Headers, body: Uint8Array, answer: (answer: Answer) => void) => void

/** Gitea waits 5 s for the whole exchange. */
const REQUEST_MS = 10_000
/** Each may send a body of the largest size before anything is known about its sender. */
const CONNECTIONS_MAX = 256
/** How long to wait at the end for requests in progress. */
const DRAIN = Duration.seconds(2)
/** This much of a refused body is read and dropped, so that a client that reads only after it has written sees the refusal. */
const DROPPED_MAX = 16 * WEBHOOK_BYTES_MAX

interface Beside {
  readonly readyz: (answer: (isReady: boolean) => void) => void
  readonly operators: HandleOperator | undefined
}

const route =
  (handle: Handle, { readyz, operators }: Beside) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url?.split("?")[0]
    const send = ({ status, type, body = "", headers }: DoorAnswer) => {
      response.writeHead(status, {
        ...(type !== undefined && { "content-type": type }),
        "content-length": Buffer.byteLength(body),
        ...headers,
        ...(!request.complete && { connection: "close" }),
      })
      response.write(body)
      // If the response ended before the whole body was read, the client's connection would be cut while it writes.
      if (request.complete) response.end()
    }
    const reply = (status: number, text: string) =>
      send({
        status,
        type: "text/plain; charset=utf-8",
        body: `${text}\n`,
        ...(status === 405 && { headers: { allow: path === "/webhook" ? "POST" : "GET, HEAD" } }),
      })
    const isRead = request.method === "GET" || request.method === "HEAD"
    if (path === "/healthz" || path === "/readyz") {
      if (!isRead) return drop(request, response, () => reply(405, "only GET"))
      if (path === "/healthz") return drop(request, response, () => reply(200, "ok"))
      return readyz((isReady) =>
        drop(request, response, () => reply(isReady ? 200 : 503, isReady ? "ready" : "not ready")),
      )
    }
    if (path !== "/webhook") {
      if (operators === undefined) return drop(request, response, () => reply(404, "not found"))
      return operators(request, response, (answer) => drop(request, response, () => send(answer)))
    }
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

/** Responds, and drops the rest of the body. */
const drop = (request: IncomingMessage, response: ServerResponse, answer: () => void): void => {
  let dropped = 0
  answer()
  request.on("data", (chunk: Buffer) => {
    dropped += chunk.length
    if (dropped > DROPPED_MAX) request.destroy()
  })
  request.once("end", () => response.end())
}

/** In one buffer: a million pieces of one byte would take a hundred times their size. */
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
