/** A route: a fixed upstream, its credential, and the requests that are allowed. */
import { Either, Redacted, Schema } from "effect"
import { isIP } from "node:net"
import { isPassableHeader, PASSABLE_HEADER_RULE, type Passes, passesOf } from "../../domain/RoutePasses.ts"
import { isPublicAddress } from "../outside/addresses.ts"
import { type Allows, allowing } from "./target.ts"

/** A route in a sidecar's document. */
export const RoutePart = Schema.Struct({
  name: Schema.String,
  upstream: Schema.String,
  header: Schema.String,
  /** Prefix of the secret in the header, such as `Bearer`. */
  scheme: Schema.optional(Schema.String),
  value: Schema.Redacted(Schema.String),
  /** Absent: everything below the upstream. */
  allow: Schema.optional(Schema.Array(Schema.String)),
  /** Headers of the agent that pass in addition to those known to be harmless. */
  headers: Schema.optional(Schema.Array(Schema.String)),
  /** Query parameters that pass; in addition to the provider's, where the service is known. */
  query: Schema.optional(Schema.Array(Schema.String)),
  private: Schema.optional(Schema.Boolean),
  /** It leads to a model: limits that the provider reports are recorded. */
  model: Schema.optional(Schema.Boolean),
})
/** A route in a sidecar's document. */
export type RoutePart = typeof RoutePart.Type

/** A route that can be served. */
export interface Route {
  readonly name: string
  /** `http:` or `https:`. */
  readonly protocol: string
  /** A name, or a literal address without brackets. */
  readonly hostname: string
  /** Absent: the protocol's default port. */
  readonly port: string
  /** In the form of the Host header. */
  readonly host: string
  /** The prefix of every path, without a trailing slash. */
  readonly base: string
  readonly header: string
  /** Only the secret. */
  readonly secret: Redacted.Redacted
  /** The whole header value. */
  readonly credential: Redacted.Redacted
  readonly allows: Allows
  readonly passes: Passes
  /** Whether addresses that are not public may be dialled. */
  readonly private: boolean
  /** Whether it leads to a model. */
  readonly model: boolean
}

/** Route names are path segments. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
/** A token of RFC 9110, 5.6.2. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/
/** Headers about the connection or the body, which cannot carry a credential. */
const NO_CREDENTIAL =
  /^(?:host|content-length|content-type|transfer-encoding|connection|te|upgrade|expect|trailer)$/i

const EVERYTHING: ReadonlyArray<string> = ["* /*"]

/** Parses a route of a document. Left: which key is wrong and what was expected, never a value. */
export const readRoute = (part: RoutePart): Either.Either<Route, string> =>
  Either.gen(function* () {
    const secret = Redacted.value(part.value)
    yield* demand(NAME.test(part.name), "name: must be letters, digits, '.', '_' and '-'")
    yield* demand(TOKEN.test(part.header), "header: must be the name of a header")
    yield* demand(!NO_CREDENTIAL.test(part.header), "header: must be one that can carry a credential")
    yield* demand(
      part.scheme === undefined || TOKEN.test(part.scheme),
      "scheme: must be one word, such as Bearer",
    )
    yield* demand(
      /^[\x20-\x7e]+$/.test(secret) && secret.trim() === secret,
      "value: must be one line of plain text",
    )
    const { headers = [] } = part
    yield* demand(
      headers.every((name) => isPassableHeader(name) && name.toLowerCase() !== part.header.toLowerCase()),
      `headers: each must be ${PASSABLE_HEADER_RULE}`,
    )
    const url = yield* readUpstream(part.upstream, part.private === true)
    const allows = yield* Either.mapLeft(allowing(part.allow ?? EVERYTHING), (problem) => `allow: ${problem}`)
    const hostname = url.hostname.replaceAll(/[[\]]/g, "")
    return {
      name: part.name,
      protocol: url.protocol,
      hostname,
      port: url.port,
      host: url.host,
      base: url.pathname.replace(/\/+$/, ""),
      header: part.header,
      secret: part.value,
      credential: Redacted.make(part.scheme === undefined ? secret : `${part.scheme} ${secret}`),
      allows,
      passes: passesOf({ ...part, hostname }),
      private: part.private === true,
      model: part.model === true,
    }
  })

const readUpstream = (text: string, isPrivate: boolean): Either.Either<URL, string> => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return Either.left("upstream: must be a URL such as https://api.example.com")
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return Either.left("upstream: must be a URL without user, password, query and fragment")
  }
  if (url.protocol === "http:" && !isPrivate) {
    return Either.left("upstream: plain http needs private: true")
  }
  const address = url.hostname.replaceAll(/[[\]]/g, "")
  return isIP(address) !== 0 && !isPublicAddress(address) && !isPrivate
    ? Either.left("upstream: a private address needs private: true")
    : Either.right(url)
}

const demand = (holds: boolean, problem: string): Either.Either<void, string> =>
  holds ? Either.void : Either.left(problem)

/** All routes of a document, by name. Left: the first problem, with the route's place. */
export const readRoutes = (
  parts: ReadonlyArray<RoutePart>,
): Either.Either<ReadonlyMap<string, Route>, string> =>
  Either.gen(function* () {
    const routes = new Map<string, Route>()
    for (const [at, part] of parts.entries()) {
      const route = yield* Either.mapLeft(readRoute(part), (problem) => `routes.${at}.${problem}`)
      yield* demand(!routes.has(route.name), `routes.${at}.name: is there twice`)
      routes.set(route.name, route)
    }
    return routes
  })
