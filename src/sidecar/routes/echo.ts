/** Checks whether the head of a response repeats a secret of a route, plain or encoded. */
import { Redacted } from "effect"
import { hasSecret, secretMatcher } from "../../domain/SecretMatch.ts"
import { type Credential, headerValueOf, type Route } from "./Route.ts"

/** A shorter secret is only searched unencoded: its encodings occur by chance. */
const ENCODED_LENGTH_MIN = 6

/** How many levels of encoding are checked. */
const DECODED_TIMES = 3

/**
 * A check of texts for the secrets of all routes: plain, base64, hex and percent-encoded, whole or most of it, and in lower case, as
 * header names are written.
 */
export const repeatsSecret = (routes: ReadonlyArray<Route>): RepeatsSecret => {
  let known: ReadonlyArray<string> = []
  let repeats: (text: string) => boolean = () => false
  const know = (secrets: ReadonlyArray<string>) => {
    known = [...new Set([...known, ...secrets])]
    repeats = checkOf(known)
  }
  know(
    routes.flatMap(({ credentials }) =>
      credentials.flatMap((credential) => secretsOf(credential, Redacted.value(credential.secret))),
    ),
  )
  return {
    repeats: (text) => repeats(text),
    learn: (credential, secret) => know(secretsOf(credential, secret)),
  }
}

/** The check, over a growing number of secrets. */
export interface RepeatsSecret {
  readonly repeats: (text: string) => boolean
  /** Adds another secret of a credential. Those before it stay known. */
  readonly learn: (credential: Credential, secret: string) => void
}

const checkOf = (secrets: ReadonlyArray<string>): ((text: string) => boolean) => {
  const all = [...secrets, ...secrets.map((secret) => secret.toLowerCase())]
  const matcher = secretMatcher(all, ENCODED_LENGTH_MIN)
  return (text) =>
    spellingsOf(text).some(
      (spelling) => all.some((secret) => spelling.includes(secret)) || hasSecret(matcher, spelling),
    )
}

/** The secrets in a credential. A Basic one is base64 of a name and a password, which a service may repeat decoded. */
const secretsOf = (credential: Credential, value: string): ReadonlyArray<string> => {
  const [, encoded] = /^basic +(\S+)$/i.exec(headerValueOf(credential, value)) ?? []
  const pair = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("latin1")
  const password = pair.slice(pair.indexOf(":") + 1)
  return [value, ...[pair, password].filter((text) => text.length >= ENCODED_LENGTH_MIN)]
}

/** A text, and its percent-decoded forms. */
const spellingsOf = (text: string): ReadonlyArray<string> => {
  const found = [text]
  let last = text
  for (let times = 0; times < DECODED_TIMES && last.includes("%"); times += 1) {
    last = last.replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    )
    found.push(last)
  }
  return [...new Set([...found, ...found.map((spelling) => spelling.toLowerCase())])]
}
