/** Sessions of operators' browsers, and one-time codes: made from randomness, stored by digest, and tied to the operator's token. */
import { Clock, Effect, Option, Redacted } from "effect"
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import { SignIns } from "../../../services/SignIns.ts"
import { SESSION_COOKIE } from "../api/Operator.ts"
import type { OperatorTokens } from "../gate.ts"

/** How long a session lasts, in seconds. */
export const SESSION_SECONDS = 12 * 3600
/** How long a one-time code can be used, in milliseconds. */
export const CODE_MS = 5 * 60_000

const WORD = /^[A-Za-z0-9_-]{43}$/

const newWord = (): string => randomBytes(32).toString("base64url")
const digestOf = (word: string): string => createHash("sha256").update(word).digest("hex")

/** A new token of an operator ends the sessions of the old one. Without the cookie nothing follows from a proof. */
const proofOf = (word: string, token: Redacted.Redacted): string =>
  createHmac("sha256", word).update(Redacted.value(token)).digest("hex")

const tokenOf = (tokens: OperatorTokens, operator: string) =>
  tokens().find(([name]) => name === operator)?.[1]

/** Makes a one-time code that signs an operator in, for {@link CODE_MS}. */
export const newCode = Effect.fn("newCode")(function* (operator: string) {
  const code = newWord()
  const until = (yield* Clock.currentTimeMillis) + CODE_MS
  yield* (yield* SignIns).addCode({ digest: digestOf(code), operator, until })
  return code
})

/** The operator of a one-time code, which is gone then. */
export const takeCode = Effect.fn("takeCode")(function* (code: string) {
  if (!WORD.test(code)) return Option.none<string>()
  const now = yield* Clock.currentTimeMillis
  return yield* (yield* SignIns).takeCode(digestOf(code), now)
})

/** Makes a session. Returns the value of its cookie; none when the operator has no token now. */
export const newSession = Effect.fn("newSession")(function* (tokens: OperatorTokens, operator: string) {
  const token = tokenOf(tokens, operator)
  if (token === undefined) return Option.none<string>()
  const word = newWord()
  const now = yield* Clock.currentTimeMillis
  const signIns = yield* SignIns
  yield* signIns.forget(now)
  const until = now + SESSION_SECONDS * 1000
  yield* signIns.addSession({ digest: digestOf(word), operator, proof: proofOf(word, token), until })
  return Option.some(word)
})

/** The operator of a session that has not expired, and whose token has not changed. */
export const sessionOperator = Effect.fn("sessionOperator")(function* (tokens: OperatorTokens, word: string) {
  const now = yield* Clock.currentTimeMillis
  const session = yield* (yield* SignIns).session(digestOf(word), now)
  return Option.filterMap(session, ({ operator, proof }) => {
    const token = tokenOf(tokens, operator)
    if (token === undefined) return Option.none()
    const isTheirs = timingSafeEqual(digested(proof), digested(proofOf(word, token)))
    return isTheirs ? Option.some(operator) : Option.none()
  })
})

const digested = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Ends a session. */
export const endSession = Effect.fn("endSession")(function* (word: string) {
  yield* (yield* SignIns).endSession(digestOf(word))
})

/** The session that a `Cookie` header names; undefined when there is none, or more than one: another place may have set the other. */
export const sessionIn = (cookies: string | undefined): string | undefined => {
  const words = (cookies ?? "").split(";").flatMap((pair) => {
    const [name = "", value = ""] = pair.trim().split("=", 2)
    return name === SESSION_COOKIE ? [value] : []
  })
  const [word] = words
  return words.length === 1 && word !== undefined && WORD.test(word) ? word : undefined
}

/** The `Set-Cookie` header of a session; with `""` it removes the cookie. */
export const cookieOf = (word: string, isSecure: boolean): string =>
  [
    `${SESSION_COOKIE}=${word}`,
    "Path=/",
    `Max-Age=${word === "" ? 0 : SESSION_SECONDS}`,
    "HttpOnly",
    "SameSite=Strict",
    ...(isSecure ? ["Secure"] : []),
  ].join("; ")
