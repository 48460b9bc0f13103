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
import { type Exchanged, type Passing, passOn } from "../http/passOn.ts"
import { answerEarly } from "../http/afterBody.ts"
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
  /** Whether a text of the answer's head repeats a secret. */
  readonly repeats: (text: string) => boolean
  /** How long nothing may pass in either direction. */
  readonly idleMs: number
  /** Called with every part that passes. */
  readonly passed: () => void
  /** Called with the upstream's answer, before anything of it passes. */
  readonly answered?: (answer: IncomingMessage) => void
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
      : passOn(passingOf(call), opened.right, request, response),
  )

const passingOf = ({ route, locate, repeats, idleMs, passed, answered }: Exchange): Passing => ({
  name: `route ${route.name}`,
  headers: (answer) => {
    answered?.(answer)
    const { location } = answer.headers
    const found = location === undefined ? undefined : locate(location)
    return responseHeaders(answer, repeats, found)
  },
  reasonOf,
  idleMs,
  passed,
})

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
      passes: route.passes,
    }),
    agent,
    timeout: idleMs,
    maxHeaderSize: HEADERS_MAX,
  })

/** Codes only: an error's own text holds addresses and what was sent. */
const reasonOf = (error: NodeJS.ErrnoException): string =>
  error.code === PRIVATE_ONLY
    ? "the upstream has private addresses only, which needs private: true"
    : `the upstream could not be reached (${error.code ?? "unknown error"})`
