/** Sign-in and sign-out of browsers: a form for a token or a one-time code, and a cookie. */
import { Clock, Effect, Option } from "effect"
import type { IncomingMessage } from "node:http"
import { operatorOf, type OperatorTokens } from "../gate.ts"
import type { Attempts } from "./attempts.ts"
import { linkPage, PAGE_STYLE, signInPage } from "./pages.ts"
import { cookieOf, endSession, newSession, sessionIn, takeCode } from "./sessions.ts"

/** An answer of the door itself. */
export interface DoorAnswer {
  readonly status: number
  readonly type?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What is needed to sign somebody in. */
export interface SignInOptions {
  readonly tokens: OperatorTokens
  /** Attempts with tokens and with codes: who uses up the one leaves the other. */
  readonly byToken: Attempts
  readonly byCode: Attempts
}

/** A form is no larger. */
const FORM_MAX = 16_384

const html = (status: number, body: string, headers = {}): DoorAnswer => ({
  status,
  type: "text/html; charset=utf-8",
  body,
  headers,
})

/** The answer to a request of somebody who is not signed in; undefined when the path is not one of these. */
export const signIn = (
  { tokens, byToken, byCode }: SignInOptions,
  request: IncomingMessage,
  isSecure: boolean,
) => {
  const [path = "", query] = (request.url ?? "").split("?", 2)
  const isRead = request.method === "GET" || request.method === "HEAD"
  if (path === "/sign-in.css")
    return isRead
      ? Effect.succeed<DoorAnswer>({ status: 200, type: "text/css; charset=utf-8", body: PAGE_STYLE })
      : Effect.succeed(METHOD_NOT_ALLOWED)
  if (path !== "/sign-in") return undefined
  if (isRead) {
    const code = new URLSearchParams(query).get("code")
    return Effect.succeed(html(200, code === null ? signInPage() : linkPage(code)))
  }
  if (request.method !== "POST") return Effect.succeed(METHOD_NOT_ALLOWED)
  return Effect.gen(function* () {
    const form = yield* formOf(request)
    if (form === undefined) return html(400, signInPage("The form could not be read. Try again."))
    const code = form.get("code")
    const address = request.socket.remoteAddress ?? ""
    const attempts = code === null ? byToken : byCode
    const wait = attempts.take(address, yield* Clock.currentTimeMillis)
    if (wait > 0)
      return html(429, signInPage(`Too many attempts failed. Try again in ${wait} seconds.`), {
        "retry-after": String(wait),
      })
    const operator =
      code === null
        ? Option.fromNullable(operatorOf(tokens, `Bearer ${form.get("token")?.trim() ?? ""}`))
        : yield* takeCode(code)
    const word = Option.isNone(operator) ? operator : yield* newSession(tokens, operator.value)
    if (Option.isNone(operator) || Option.isNone(word)) {
      yield* Effect.logWarning(`a sign-in from ${address} failed`)
      return html(
        401,
        signInPage(
          code === null
            ? "This is not the token of an operator."
            : 'This link was used, or is too old. "bot-bottle orchestrate open" prints another.',
        ),
      )
    }
    attempts.giveBack(address)
    yield* Effect.logInfo(`${operator.value} signed in from ${address}`)
    return {
      status: 303,
      headers: { location: "/", "set-cookie": cookieOf(word.value, isSecure) },
    } satisfies DoorAnswer
  })
}

/** Ends the session of the request's cookie. */
export const signOut = Effect.fn("signOut")(function* (
  operator: string,
  request: IncomingMessage,
  isSecure: boolean,
) {
  const word = sessionIn(request.headers.cookie)
  if (word !== undefined) yield* endSession(word)
  yield* Effect.logInfo(`${operator} signed out`)
  return {
    status: 303,
    headers: { location: "/sign-in", "set-cookie": cookieOf("", isSecure) },
  } satisfies DoorAnswer
})

const METHOD_NOT_ALLOWED: DoorAnswer = {
  status: 405,
  type: "text/plain; charset=utf-8",
  body: "only GET and POST\n",
  headers: { allow: "GET, HEAD, POST" },
}

/** The fields of a form; undefined when it is none, or too large. */
const formOf = (request: IncomingMessage): Effect.Effect<URLSearchParams | undefined> => {
  if (!/^application\/x-www-form-urlencoded(;|$)/i.test(request.headers["content-type"] ?? ""))
    return Effect.succeed(undefined)
  return Effect.async<URLSearchParams | undefined>((resume) => {
    const pieces: Array<Buffer> = []
    let size = 0
    const read = (piece: Buffer): void => {
      size += piece.length
      if (size > FORM_MAX) {
        request.off("data", read)
        return resume(Effect.succeed(undefined))
      }
      pieces.push(piece)
    }
    request.on("data", read)
    request.once("end", () =>
      resume(Effect.succeed(new URLSearchParams(Buffer.concat(pieces).toString("utf8")))),
    )
    request.once("close", () => resume(Effect.succeed(undefined)))
  })
}
