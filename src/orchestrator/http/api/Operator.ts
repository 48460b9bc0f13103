/** Operator: who asks, and that every endpoint of the HTTP interface needs an operator. */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import { Context, type Effect } from "effect"
import { Unauthorized } from "./errors.ts"

/** Name of the cookie of a session. */
export const SESSION_COOKIE = "bot-bottle-session"

/** The operator who asks, by the name in the configuration. */
export class Operator extends Context.Tag("bot-bottle/Operator")<
  Operator,
  {
    readonly name: string
    /** Whether what was given still lets the operator in. */
    readonly still: Effect.Effect<boolean>
  }
>() {}

/** Lets operators pass, by a bearer token or by the cookie of a session. */
export class OperatorsOnly extends HttpApiMiddleware.Tag<OperatorsOnly>()("bot-bottle/OperatorsOnly", {
  failure: Unauthorized,
  provides: Operator,
  security: {
    token: HttpApiSecurity.bearer,
    session: HttpApiSecurity.apiKey({ in: "cookie", key: SESSION_COOKIE }),
  },
}) {}
