/** Which headers pass a route, in which direction. */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http"

/** Of one connection and not of a message (RFC 9110, 7.6.1, with what is added by convention). */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
])

/** Credentials, and whose account is charged: with its own, an agent would carry the work to an account of its own. */
const CREDENTIALS = [
  /authorization/,
  /^cookie2?$/,
  /api-?key/,
  /subscription-key$/,
  /(?:auth|access|security|session)-?token$/,
  /(?:^|-)(?:org|organi[sz]ation|project|workspace|tenant|account)(?:-id)?$/,
]

/** What upstreams believe of who asked, for what host, and by which method or path in truth. */
const CLAIMS = [
  /^forwarded$/,
  /^x-forwarded(?:-|$)/,
  /^(?:via|x-real-ip|true-client-ip|client-ip|cf-connecting-ip|x-client-ip|x-cluster-client-ip)$/,
  /^x-http-method(?:-override)?$|^x-method-override$/,
  /^x-(?:original|rewrite)-(?:url|uri|host)$|^x-host$/,
]

const matches = (patterns: ReadonlyArray<RegExp>, name: string): boolean =>
  patterns.some((pattern) => pattern.test(name))

/** Some upstreams read `x_api_key` as `x-api-key`, and `content_length` as another length. */
const asRead = (name: string): string => name.toLowerCase().replaceAll("_", "-")

/** The headers that a message says are of its connection. */
export const named = (request: IncomingMessage): ReadonlySet<string> =>
  new Set((request.headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase()))

/** Pairs of a message, in order; repeated ones repeatedly. */
export const pairsOf = ({ rawHeaders }: IncomingMessage): ReadonlyArray<readonly [string, string]> =>
  rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ""] as const] : []))

/** The headers to send upstream: the agent's, less what is never passed on, with the route's own credential. */
export const requestHeaders = (
  request: IncomingMessage,
  route: { readonly host: string; readonly header: string; readonly credential: string },
): OutgoingHttpHeaders => {
  const dropped = named(request)
  const sent = new Map<string, ReadonlyArray<string>>()
  for (const [name, value] of pairsOf(request)) {
    const key = name.toLowerCase()
    const read = asRead(name)
    const passes =
      !HOP_BY_HOP.has(read) &&
      // Named by Connection it would take the body's length away: the framing is ours.
      (!dropped.has(key) || key === "content-length") &&
      read !== "host" &&
      (read !== "content-length" || key === read) &&
      read !== asRead(route.header) &&
      !matches(CREDENTIALS, read) &&
      !matches(CLAIMS, read)
    if (passes) sent.set(key, [...(sent.get(key) ?? []), value])
  }
  return {
    ...Object.fromEntries(
      [...sent].map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
    ),
    host: route.host,
    ...(request.headers["transfer-encoding"] !== undefined && { "transfer-encoding": "chunked" }),
    [route.header.toLowerCase()]: route.credential,
  }
}

/** Of an answer these stay outside too: a session of the account is a credential. */
const ANSWER_DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP, "set-cookie", "set-cookie2", "location"])

/**
 * The headers to answer with, as one list of names and values. `location` is the one to give, if any; a header in
 * which an upstream repeats the secret is left out.
 */
export const responseHeaders = (
  answer: IncomingMessage,
  secret: string,
  location: string | undefined,
): Array<string> => {
  const dropped = named(answer)
  const kept = pairsOf(answer).filter(([name, value]) => {
    const key = name.toLowerCase()
    return (
      !ANSWER_DROPPED.has(key) && !(dropped.has(key) && key !== "content-length") && !value.includes(secret)
    )
  })
  return [...kept, ...(location === undefined ? [] : [["location", location] as const])].flat()
}

/** Why a request's own framing is refused, beyond what node's strict parser refuses. */
export const framingProblem = ({ headers, httpVersion }: IncomingMessage): string | undefined => {
  const encoding = headers["transfer-encoding"]
  if (encoding === undefined) return undefined
  if (encoding.trim().toLowerCase() !== "chunked") return "the transfer encoding is not chunked"
  if (headers["content-length"] !== undefined || httpVersion === "1.0") return "the body has two lengths"
  return undefined
}
