/**
 * Which parts of an agent's request pass a route: harmless headers by a list of names, and query parameters by a list where the service
 * is known.
 */

/** Names that pass in addition to the common ones. Header names are in lower case. */
export interface PassedNames {
  readonly headers: ReadonlyArray<string>
  readonly query: ReadonlyArray<string>
}

/** Headers that describe the content sent or accepted. No service reads an identity from them. */
const COMMON_HEADERS: ReadonlySet<string> = new Set([
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "content-encoding",
  "content-language",
  "content-length",
  "content-type",
  "idempotency-key",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "last-event-id",
  "prefer",
  "range",
  "user-agent",
  "x-request-id",
])

/** Headers in which the client libraries of both providers describe themselves. */
const CLIENT_HEADERS = [
  "x-client-request-id",
  ...[
    "arch",
    "async",
    "helper",
    "helper-method",
    "lang",
    "os",
    "package-version",
    "poll-helper",
    "custom-poll-interval",
    "raw-response",
    "read-timeout",
    "retry-count",
    "runtime",
    "runtime-version",
    "timeout",
  ].map((name) => `x-stainless-${name}`),
]

const ANTHROPIC: PassedNames & { readonly hostname: string } = {
  hostname: "api.anthropic.com",
  headers: [
    ...CLIENT_HEADERS,
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "anthropic-version",
    "x-app",
    "x-claude-code-session-id",
  ],
  query: ["beta", "limit", "before_id", "after_id"],
}

const OPENAI: PassedNames = {
  headers: [
    ...CLIENT_HEADERS,
    "conversation_id",
    "openai-beta",
    "originator",
    "session-id",
    "session_id",
    "version",
    "x-codex-beta-features",
    "x-codex-turn-metadata",
    "x-codex-turn-state",
  ],
  query: ["client_version", "limit", "after", "order"],
}

/** By the name of a provider's route. */
const OF_PROVIDER: Readonly<Record<string, PassedNames & { readonly hostname: string }>> = {
  anthropic: ANTHROPIC,
  "claude-subscription": ANTHROPIC,
  openai: { ...OPENAI, hostname: "api.openai.com" },
  "codex-subscription": { ...OPENAI, hostname: "chatgpt.com" },
}

/** Hop-by-hop headers (RFC 9110, 7.6.1, and those added by convention). */
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

/** Headers with credentials, and headers from which upstreams read the client, the host, the method or the path. */
const NEVER = [
  /authorization/,
  /^(?:host|cookie2?|set-cookie2?|content-length)$/,
  /api-?key/,
  /subscription-key$/,
  /(?:auth|access|security|session|api|private)-?token$/,
  /^(?:forwarded|via)$/,
  /^x-forwarded(?:-|$)/,
  /^(?:x-real-ip|true-client-ip|client-ip|cf-connecting-ip|x-client-ip|x-cluster-client-ip)$/,
  /^x-http-method(?:-override)?$|^x-method-override$/,
  /^x-(?:original|rewrite)-(?:url|uri|host)$|^x-host$/,
]

/** A token of RFC 9110, 5.6.2. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/

/** Some upstreams treat `x_api_key` as `x-api-key`, and `content_length` as a second length. */
export const headerAsRead = (name: string): string => name.toLowerCase().replaceAll("_", "-")

/**
 * Whether an operator may allow a header of the agent: it carries no credential, is not hop-by-hop, and claims no origin of the
 * request.
 */
export const isPassableHeader = (name: string): boolean => {
  const read = headerAsRead(name)
  return TOKEN.test(name) && !HOP_BY_HOP.has(read) && !NEVER.some((pattern) => pattern.test(read))
}

/** The rule of {@link isPassableHeader}, for messages. */
export const PASSABLE_HEADER_RULE =
  "the name of a header that carries no credential and is neither the connection's nor a claim about where the request comes from"

/** Which parts of a request pass a route. */
export interface Passes {
  /** Whether a header passes. The name is in lower case. */
  readonly header: (name: string) => boolean
  /** The allowed part of a query that begins with `?`; `""` when nothing is left. */
  readonly query: (query: string) => string
}

/**
 * Which parts pass a route. The service is known by its host, or else by the route's name, since an agent program takes a route of that
 * name for its provider.
 */
export const passesOf = (route: {
  readonly name: string
  readonly hostname: string
  /** The headers with the route's own credentials. */
  readonly credentials: ReadonlyArray<string>
  readonly headers?: ReadonlyArray<string> | undefined
  readonly query?: ReadonlyArray<string> | undefined
}): Passes => {
  const provider =
    Object.values(OF_PROVIDER).find(({ hostname }) => hostname === route.hostname) ??
    (Object.hasOwn(OF_PROVIDER, route.name) ? OF_PROVIDER[route.name] : undefined)
  const headers = new Set([
    ...(provider?.headers ?? []),
    ...(route.headers ?? []).map((name) => name.toLowerCase()),
  ])
  const own = new Set(route.credentials.map(headerAsRead))
  const listed =
    provider === undefined && route.query === undefined
      ? undefined
      : new Set([...(provider?.query ?? []), ...(route.query ?? [])])
  const takesKey = route.hostname.endsWith(".googleapis.com")
  const passes = (name: string): boolean =>
    listed === undefined ? !isCredential(name, takesKey) : listed.has(name)
  return {
    header: (name) => !own.has(headerAsRead(name)) && (COMMON_HEADERS.has(name) || headers.has(name)),
    query: (query) => {
      // Some servers treat a semicolon as a separator too.
      const kept = query
        .slice(1)
        .split("&")
        .filter((part) => part.split(";").every((piece) => passes(nameOf(piece))))
      const text = kept.join("&")
      return text === "" ? "" : `?${text}`
    },
  }
}

/**
 * Parameter names in which services accept a key, reduced to letters and digits. Google accepts one as `key`; elsewhere `key` is an
 * ordinary word.
 */
const CREDENTIAL =
  /(?:api|access|auth|private|secret|subscription|consumer)key(?:id)?$|^(?:access|auth|oauth|api|app|bearer|id|job|personalaccess|private|refresh|security|session|user|xamzsecurity)?token$|secret$|^(?:pass(?:word|wd)?|authorization|auth|credentials?|jwt|sessionid|xamz(?:signature|credential)|sig|signature)$/

const isCredential = (name: string, takesKey: boolean): boolean => {
  // PHP reads `api_key[]` and `api.key` as `api_key`. A name that is still encoded hides what it is.
  const squashed = name
    .toLowerCase()
    .replace(/\[.*/s, "")
    .replaceAll(/[^a-z0-9%]/g, "")
  return squashed.includes("%") || CREDENTIAL.test(squashed) || (takesKey && squashed === "key")
}

/** The name of a parameter, decoded until it no longer changes (at most four times). */
const nameOf = (part: string): string => {
  let name = new URLSearchParams(part.replace(/^\?+/, "")).keys().next().value ?? ""
  for (let round = 0; round < 3 && name.includes("%"); round += 1) {
    name =
      new URLSearchParams(`${name.replaceAll("&", "%26").replaceAll("=", "%3D")}=`).keys().next().value ?? ""
  }
  return name
}
