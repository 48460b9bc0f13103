/** Which headers pass a route, in which direction. */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http"
import { HOP_BY_HOP, type Passes } from "../../domain/RoutePasses.ts"
import { named, pairsOf } from "../http/headers.ts"
import type { CredentialHeaders } from "./credentials.ts"

/** The headers to send upstream: the agent's allowed ones, with the route's own credentials. */
export const requestHeaders = (
  request: IncomingMessage,
  route: {
    readonly host: string
    readonly credentials: CredentialHeaders
    readonly passes: Passes
  },
): OutgoingHttpHeaders => {
  const dropped = named(request)
  const sent = new Map<string, ReadonlyArray<string>>()
  for (const [name, value] of pairsOf(request)) {
    const key = name.toLowerCase()
    // Connection could name and so remove the body's length, but we do the framing.
    const isDropped = dropped.has(key) && key !== "content-length"
    if (route.passes.header(key) && !isDropped) sent.set(key, [...(sent.get(key) ?? []), value])
  }
  return {
    ...Object.fromEntries(
      [...sent].map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
    ),
    host: route.host,
    ...(request.headers["transfer-encoding"] !== undefined && { "transfer-encoding": "chunked" }),
    ...route.credentials,
  }
}

/** These response headers do not pass either: an account's session is a credential. */
const ANSWER_DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP, "set-cookie", "set-cookie2", "location"])

/**
 * The response headers, as one list of names and values. `location` is the one to send, if any. A header in which an upstream repeats a
 * secret, in any encoding that `repeats` knows, is left out.
 */
export const responseHeaders = (
  answer: IncomingMessage,
  repeats: (text: string) => boolean,
  location: string | undefined,
): Array<string> => {
  const dropped = named(answer)
  const kept = pairsOf(answer).filter(([name, value]) => {
    const key = name.toLowerCase()
    return (
      !ANSWER_DROPPED.has(key) &&
      !(dropped.has(key) && key !== "content-length") &&
      !repeats(`${name}: ${value}`)
    )
  })
  return [...kept, ...(location === undefined ? [] : [["location", location] as const])].flat()
}
