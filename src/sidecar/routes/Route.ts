/** A route: a fixed upstream, its credential, and the requests that are allowed. */
import { Either, Redacted, Schema } from "effect"
import { isIP } from "node:net"
import {
  headerAsRead,
  isPassableHeader,
  PASSABLE_HEADER_RULE,
  type Passes,
  passesOf,
} from "../../domain/RoutePasses.ts"
import { isPublicAddress } from "../outside/addresses.ts"
import { type ChangingSource, SecretSource } from "../../domain/SecretSource.ts"
import { emptyAnswers, type SubscriptionProvider, subscriptionOf } from "../../domain/SubscriptionRoutes.ts"
import { type Allows, allowing } from "./target.ts"

/** A secret as the launcher read it. */
const Value = {
  value: Schema.Redacted(Schema.String),
  /** How to read it again; absent when it stays the same during the run. */
  source: Schema.optional(SecretSource.pipe(Schema.filter((source) => !("env" in source)))),
  /** When it is to be read again, in milliseconds since the epoch. */
  until: Schema.optional(Schema.Finite),
}

/** A route in a sidecar's document. */
export const RoutePart = Schema.Struct({
  name: Schema.String,
  upstream: Schema.String,
  header: Schema.String,
  /** Prefix of the secret in the header, such as `Bearer`. */
  scheme: Schema.optional(Schema.String),
  ...Value,
  /** Other headers whose whole value is a secret. */
  more: Schema.optional(Schema.Array(Schema.Struct({ header: Schema.String, ...Value }))),
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

/** A header whose value is a secret. */
export interface Credential {
  /** In lower case. */
  readonly header: string
  /** The prefix of the secret, such as `Bearer`. */
  readonly scheme: string | undefined
  /** Only the secret, as the launcher read it. */
  readonly secret: Redacted.Redacted
  readonly source: ChangingSource | undefined
  readonly until: number | undefined
}

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
  /** The first is the one of `header`. */
  readonly credentials: readonly [Credential, ...ReadonlyArray<Credential>]
  readonly allows: Allows
  /** Requests that get an empty answer, and are not passed on. */
  readonly isEmpty: Allows
  /** The operator's login whose token the credential is. */
  readonly subscription: SubscriptionProvider | undefined
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
    const { more = [] } = part
    const own = [part, ...more]
    yield* demand(NAME.test(part.name), "name: must be letters, digits, '.', '_' and '-'")
    for (const { header, value } of own) {
      yield* demand(TOKEN.test(header), "header: must be the name of a header")
      yield* demand(!NO_CREDENTIAL.test(header), "header: must be one that can carry a credential")
      yield* demand(isHeaderValue(Redacted.value(value)), `value: ${HEADER_VALUE_RULE}`)
    }
    const names = own.map(({ header }) => headerAsRead(header))
    yield* demand(new Set(names).size === names.length, "secretHeaders: must be other headers than the first")
    yield* demand(
      part.scheme === undefined || TOKEN.test(part.scheme),
      "scheme: must be one word, such as Bearer",
    )
    const { headers = [] } = part
    yield* demand(
      headers.every((name) => isPassableHeader(name) && !names.includes(headerAsRead(name))),
      `headers: each must be ${PASSABLE_HEADER_RULE}`,
    )
    const url = yield* readUpstream(part.upstream, part.private === true)
    const allows = yield* Either.mapLeft(allowing(part.allow ?? EVERYTHING), (problem) => `allow: ${problem}`)
    const isEmpty = yield* allowing(emptyAnswers(part.name))
    const hostname = url.hostname.replaceAll(/[[\]]/g, "")
    return {
      name: part.name,
      protocol: url.protocol,
      hostname,
      port: url.port,
      host: url.host,
      base: url.pathname.replace(/\/+$/, ""),
      credentials: [credentialOf(part), ...more.map(credentialOf)],
      allows,
      isEmpty,
      subscription: subscriptionOf(part.name),
      passes: passesOf({ ...part, hostname, credentials: names }),
      private: part.private === true,
      model: part.model === true,
    }
  })

/** Whether a text can be the value of a header. */
export const isHeaderValue = (text: string): boolean => /^[\x20-\x7e]+$/.test(text) && text.trim() === text

/** The rule of {@link isHeaderValue}, for messages. */
export const HEADER_VALUE_RULE = "must be one line of plain text"

const credentialOf = ({
  header,
  scheme,
  value,
  source,
  until,
}: Pick<RoutePart, "header" | "scheme" | "value" | "source" | "until">): Credential => ({
  header: header.toLowerCase(),
  scheme,
  secret: value,
  source: source === undefined || "env" in source ? undefined : source,
  until,
})

/** The whole value of a credential's header. */
export const headerValueOf = ({ scheme }: Pick<Credential, "scheme">, secret: string): string =>
  scheme === undefined ? secret : `${scheme} ${secret}`

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
      yield* demand(!routes.has(route.name), `routes.${at}.name: appears twice`)
      routes.set(route.name, route)
    }
    return routes
  })
