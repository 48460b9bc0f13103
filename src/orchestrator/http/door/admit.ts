/** admit: who a request is from. Its headers are judged before anything else of it is read. */
import { Effect, Option } from "effect"
import type { IncomingMessage } from "node:http"
import type { SignIns } from "../../../services/SignIns.ts"
import { isOwnHost, isOwnOrigin, operatorOf, type OperatorTokens } from "../gate.ts"
import { sessionIn, sessionOperator } from "./sessions.ts"

/** Why a request was refused, as metrics count it. */
export type Refusal = "host" | "origin" | "token" | "malformed"

/** Names and tokens of this service. */
export interface DoorOptions {
  readonly listen: string
  readonly publicUrl?: string | undefined
  readonly tokens: OperatorTokens
}

/** A refusal, with its status and what to do. */
export interface Refused {
  readonly reason: Refusal
  readonly status: number
  readonly tag: string
  readonly message: string
}

/** What a request is judged by and node would otherwise pick one of. */
const ONCE = new Set(["host", "origin", "authorization", "sec-fetch-site"])

/**
 * Why a request is refused, whoever it is from: a header that is given twice, a name that is not the service's (DNS rebinding), a page of
 * another site. The host comes first: a page elsewhere learns nothing.
 */
export const refusedByHeaders = (
  options: Pick<DoorOptions, "listen" | "publicUrl">,
  request: IncomingMessage,
): Refused | undefined => {
  const { headers, rawHeaders } = request
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  const twice = names.find((name, index) => ONCE.has(name) && names.indexOf(name) !== index)
  if (twice !== undefined) return malformed(`the header ${twice} is there twice`)
  if (!isOwnHost(options, headers.host))
    return {
      reason: "host",
      status: 403,
      tag: "Forbidden",
      message: "this name is not served: publicUrl names it",
    }
  const isForeign = headers.origin !== undefined && !isOwnOrigin(options, headers.origin, headers.host)
  if (isForeign || headers["sec-fetch-site"] === "cross-site" || headers["sec-fetch-site"] === "same-site") {
    // To follow a link from elsewhere is harmless: a page that is not ours cannot read what it leads to.
    const isLink = request.method === "GET" && headers["sec-fetch-mode"] === "navigate" && !isForeign
    if (!isLink) return FOREIGN
  }
  return undefined
}

const malformed = (message: string): Refused => ({
  reason: "malformed",
  status: 400,
  tag: "BadRequest",
  message,
})

const FOREIGN: Refused = {
  reason: "origin",
  status: 403,
  tag: "Forbidden",
  message: "requests from pages of other sites are not served",
}

const NO_OPERATOR: Refused = {
  reason: "token",
  status: 401,
  tag: "Unauthorized",
  message: "an operator's token is required: as a bearer token, or sign in at /sign-in",
}

/** Whether a request only reads. */
export const isRead = ({ method }: IncomingMessage): boolean => method === "GET" || method === "HEAD"

/** The operator of a request, or why there is none. Who gives a token is judged by it alone. */
export const admit = (
  { tokens }: Pick<DoorOptions, "tokens">,
  request: IncomingMessage,
): Effect.Effect<{ readonly operator: string } | Refused, { readonly message: string }, SignIns> => {
  const { authorization, cookie, origin } = request.headers
  if (authorization !== undefined) {
    const operator = operatorOf(tokens, authorization)
    return Effect.succeed(operator === undefined ? NO_OPERATOR : { operator })
  }
  const word = sessionIn(cookie)
  if (word === undefined) return Effect.succeed(NO_OPERATOR)
  // A browser names the page that writes. Cookies are sent to every port of a host, and by every page of it.
  if (!isRead(request) && origin === undefined) return Effect.succeed(FOREIGN)
  return Effect.map(
    sessionOperator(tokens, word),
    Option.match({ onNone: () => NO_OPERATOR, onSome: (operator) => ({ operator }) }),
  )
}
