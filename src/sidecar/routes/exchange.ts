/** One call through a route: passes the request up and the response down as they arrive, with backpressure. */
import { Effect } from "effect"
import {
  type ClientRequest,
  type Agent as HttpAgent,
  type IncomingMessage,
  type ServerResponse,
  request as askHttp,
} from "node:http"
import { request as askHttps } from "node:https"
import { type Exchanged, type Passing, passOn, type Refusals } from "../http/passOn.ts"
import { answerEarly } from "../http/afterBody.ts"
import type { CredentialHeaders } from "./credentials.ts"
import { PRIVATE_ONLY } from "./dial.ts"
import { requestHeaders, responseHeaders } from "./headers.ts"
import type { MeteredCall } from "./meteredCalls.ts"
import type { Route } from "./Route.ts"

/** One call. */
export interface Exchange {
  readonly route: Route
  readonly agent: HttpAgent
  readonly credentials: CredentialHeaders
  /** After a refusal of the credentials; `again` makes the same request with others. Absent: it passes to the agent. */
  readonly refusals?: ((again: SendAgain) => Refusals) | undefined
  /** Path and query at the upstream. */
  readonly path: string
  /** The redirect target of the response, in the agent's form. */
  readonly locate: (location: string) => string | undefined
  /** Whether a text in the response's head repeats a secret. */
  readonly repeats: (text: string) => boolean
  /** How long both directions may be silent. */
  readonly idleMs: number
  /** Called for every chunk that passes. */
  readonly passed: () => void
  /** Called with the upstream's response, before any of it passes. */
  readonly answered?: (answer: IncomingMessage) => void
  /** Counts and limits it, if it calls a model. */
  readonly metered?: Pick<MeteredCall, "admission" | "asked" | "answered"> | undefined
}

/** Makes the same request with other credentials. */
export type SendAgain = (credentials: CredentialHeaders) => ClientRequest

const HEADERS_MAX = 64 * 1024

/**
 * Makes the call and responds, except for the end of the response, which `finish` sends after what must happen before. Never fails: a
 * problem is in its result, and was sent to the agent.
 */
export const exchange = (
  call: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
): Effect.Effect<{ readonly ended: Exchanged; readonly finish: Effect.Effect<void> }> =>
  Effect.flatMap(Effect.either(Effect.try(() => open(call, request, call.credentials))), (opened) =>
    opened._tag === "Left"
      ? Effect.succeed({
          ended: { status: 0, sent: 0, received: 0, failure: "the request could not be passed on" },
          finish: Effect.sync(() =>
            answerEarly(request, response, 400, "the request could not be passed on\n"),
          ),
        })
      : passOn(passingOf(call, request), opened.right, request, response),
  )

const passingOf = (call: Exchange, request: IncomingMessage): Passing => {
  const { route, locate, repeats, idleMs, passed, answered, metered, refusals } = call
  return {
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
    admission: metered?.admission,
    asked: metered?.asked,
    answered: metered?.answered,
    refusals: refusals?.((credentials) => open(call, request, credentials)),
  }
}

const open = (
  { route, agent, path, idleMs }: Exchange,
  request: IncomingMessage,
  credentials: CredentialHeaders,
): ClientRequest =>
  (route.protocol === "https:" ? askHttps : askHttp)({
    protocol: route.protocol,
    hostname: route.hostname,
    ...(route.port !== "" && { port: route.port }),
    method: request.method,
    path,
    headers: requestHeaders(request, {
      host: route.host,
      credentials,
      passes: route.passes,
    }),
    agent,
    timeout: idleMs,
    maxHeaderSize: HEADERS_MAX,
  })

/** Codes only: an error's own text contains addresses and what was sent. */
const reasonOf = (error: NodeJS.ErrnoException): string =>
  error.code === PRIVATE_ONLY
    ? "the upstream has private addresses only, which needs private: true"
    : `the upstream could not be reached (${error.code ?? "unknown error"})`
