/** One call through a route: the request goes up and the answer comes down as they arrive, with the pace of whoever is slower. */
import { Effect, Redacted } from "effect"
import {
  type ClientRequest,
  type Agent as HttpAgent,
  type IncomingMessage,
  type ServerResponse,
  request as askHttp,
} from "node:http"
import { request as askHttps } from "node:https"
import { afterBody, answerEarly } from "./afterBody.ts"
import { PRIVATE_ONLY } from "./dial.ts"
import { requestHeaders, responseHeaders } from "./headers.ts"
import type { Route } from "./Route.ts"

/** One call. */
export interface Exchange {
  readonly route: Route
  readonly agent: HttpAgent
  /** Path and query at the upstream. */
  readonly path: string
  /** Where the answer's redirect leads, as the agent may know it. */
  readonly locate: (location: string) => string | undefined
  /** How long nothing may pass in either direction. */
  readonly idleMs: number
  /** Called with every part that passes. */
  readonly passed: () => void
}

/** How a call ended. */
export interface Exchanged {
  /** Status of the upstream's answer; 0 when there was none. */
  readonly status: number
  /** Bytes of bodies. */
  readonly sent: number
  readonly received: number
  /** Why it is not whole. */
  readonly failure?: string
}

const HEADERS_MAX = 64 * 1024

/**
 * Makes the call and answers it, all but the end of the answer: `finish` gives that, after what is to be done before.
 * Never fails: what went wrong is in its result, and was told to the agent.
 */
export const exchange = (
  call: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
): Effect.Effect<{ readonly ended: Exchanged; readonly finish: Effect.Effect<void> }> =>
  Effect.flatMap(Effect.either(Effect.try(() => open(call, request))), (opened) =>
    opened._tag === "Left"
      ? Effect.succeed({
          ended: { status: 0, sent: 0, received: 0, failure: "the request could not be passed on" },
          finish: Effect.sync(() =>
            answerEarly(request, response, 400, "the request could not be passed on\n"),
          ),
        })
      : pass(call, opened.right, request, response),
  )

const open = ({ route, agent, path, idleMs }: Exchange, request: IncomingMessage): ClientRequest =>
  (route.protocol === "https:" ? askHttps : askHttp)({
    protocol: route.protocol,
    hostname: route.hostname,
    ...(route.port !== "" && { port: route.port }),
    method: request.method,
    path,
    headers: requestHeaders(request, {
      host: route.host,
      header: route.header,
      credential: Redacted.value(route.credential),
    }),
    agent,
    timeout: idleMs,
    maxHeaderSize: HEADERS_MAX,
  })

const pass = (call: Exchange, upstream: ClientRequest, request: IncomingMessage, response: ServerResponse) =>
  Effect.async<{ readonly ended: Exchanged; readonly finish: Effect.Effect<void> }>((resume) => {
    const seen = { status: 0, sent: 0, received: 0, timedOut: false, over: false }
    const end = (failure: string | undefined, finish: () => void) => {
      if (seen.over) return
      seen.over = true
      request.unpipe(upstream)
      const { status, sent, received } = seen
      const ended = { status, sent, received, ...(failure !== undefined && { failure }) }
      resume(Effect.succeed({ ended, finish: Effect.sync(finish) }))
    }
    /** What has begun to be answered can only be cut off. */
    const fail = (reason: string) =>
      end(reason, () => {
        upstream.destroy()
        if (response.headersSent) response.destroy()
        else
          answerEarly(request, response, seen.timedOut ? 504 : 502, `route ${call.route.name}: ${reason}\n`)
      })

    upstream.on("timeout", () => {
      seen.timedOut = true
      fail(`the upstream said nothing for ${Math.round(call.idleMs / 1000)} s`)
    })
    upstream.on("error", (error: NodeJS.ErrnoException) => fail(reasonOf(error)))
    upstream.on("upgrade", (_, socket) => {
      socket.destroy()
      fail("the upstream answered with another protocol")
    })
    upstream.on("response", (answer) => {
      seen.status = answer.statusCode ?? 0
      const location = answer.headers.location
      const headers = responseHeaders(
        answer,
        Redacted.value(call.route.secret),
        location === undefined ? undefined : call.locate(location),
      )
      response.writeHead(seen.status, headers)
      response.flushHeaders()
      call.passed()
      answer.on("data", (chunk: Buffer) => {
        seen.received += chunk.length
        call.passed()
      })
      answer.on("end", () => {
        // An upstream may answer before it has read everything: the rest is not for it any more.
        if (!request.complete) upstream.destroy()
        end(undefined, () => afterBody(request, () => response.end()))
      })
      answer.on("close", () => fail("the upstream cut the answer off"))
      answer.on("error", () => undefined)
      answer.pipe(response, { end: false })
    })
    response.on("close", () => {
      upstream.destroy()
      end("the agent went away", () => undefined)
    })
    response.on("error", () => undefined)
    request.on("error", () => undefined)

    if (hasBody(request)) {
      request.on("data", (chunk: Buffer) => {
        seen.sent += chunk.length
        call.passed()
      })
      upstream.flushHeaders()
      request.pipe(upstream)
    } else {
      upstream.end()
    }
  })

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || headers["content-length"] !== undefined

/** Codes only: an error's own text holds addresses and what was sent. */
const reasonOf = (error: NodeJS.ErrnoException): string =>
  error.code === PRIVATE_ONLY
    ? "the upstream has private addresses only, which needs private: true"
    : `the upstream could not be reached (${error.code ?? "unknown error"})`
