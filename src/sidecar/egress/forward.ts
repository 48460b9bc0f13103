/** Sends one plain HTTP request to an outside host, over its own connection. */
import { Effect } from "effect"
import { type IncomingMessage, type ServerResponse, request as ask } from "node:http"
import type { Socket } from "node:net"
import { type Exchanged, passOn } from "../http/passOn.ts"
import { inward, outward } from "./headers.ts"
import { type Refused, malformed } from "../outside/Refused.ts"

/** A request that is allowed. */
export interface Forwarded {
  /** `host:port`, for messages. */
  readonly target: string
  /** In the form of the Host header. */
  readonly host: string
  /** In the form of the first line: a path, or a whole URL for a proxy. */
  readonly url: string
  /** For the operator's proxy. */
  readonly authorization: string | undefined
  readonly socket: Socket
  readonly idleMs: number
  readonly passed: () => void
}

const HEADERS_MAX = 64 * 1024

/** Sends the request and passes on its response except the end, which `finish` sends. */
export const forward = (
  { target, host, url, authorization, socket, idleMs, passed }: Forwarded,
  request: IncomingMessage,
  response: ServerResponse,
): Effect.Effect<{ readonly ended: Exchanged; readonly finish: Effect.Effect<void> }, Refused> =>
  Effect.try({
    try: () =>
      ask({
        method: request.method,
        path: url,
        headers: {
          ...outward(request, host),
          ...(authorization !== undefined && { "proxy-authorization": authorization }),
        },
        // With its own connection, every request is checked against the list and resolved anew.
        // Node sets the timeout of connections that it makes itself, and only listens for that of others.
        createConnection: () => socket.setTimeout(idleMs),
        timeout: idleMs,
        maxHeaderSize: HEADERS_MAX,
      }),
    catch: () => malformed("the request could not be passed on"),
  }).pipe(
    Effect.flatMap((upstream) =>
      passOn(
        {
          name: `egress to ${target} failed`,
          headers: inward,
          reasonOf: ({ code }) => `the host broke off (${code ?? "unknown error"})`,
          idleMs,
          passed,
        },
        upstream,
        request,
        response,
      ),
    ),
  )
