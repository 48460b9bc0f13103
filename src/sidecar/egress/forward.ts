/** One plain HTTP request to elsewhere, over a connection that was made for it. */
import { Effect } from "effect"
import { type IncomingMessage, type ServerResponse, request as ask } from "node:http"
import type { Socket } from "node:net"
import { type Exchanged, passOn } from "../http/passOn.ts"
import { inward, outward } from "./headers.ts"
import { type Refused, malformed } from "../outside/Refused.ts"

/** A request that may go. */
export interface Forwarded {
  /** `host:port`, for words. */
  readonly target: string
  /** As the header Host has it. */
  readonly host: string
  /** As the first line has it: a path, or a whole URL for a proxy. */
  readonly url: string
  /** For the operator's proxy. */
  readonly authorization: string | undefined
  readonly socket: Socket
  readonly idleMs: number
  readonly passed: () => void
}

const HEADERS_MAX = 64 * 1024

/** Sends the request and passes on its answer, all but the end: `finish` gives that. */
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
        // With a connection of its own, every request is asked of the list and resolved anew.
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
