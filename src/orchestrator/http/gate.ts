/** The gate of the service's HTTP interface: which hosts it answers to, and which operator a token belongs to. */
import { type Redacted, Redacted as Redacting } from "effect"
import { createHash, timingSafeEqual } from "node:crypto"

/** Operators by name, with the current token of each; undefined for one that cannot be read. */
export type OperatorTokens = () => ReadonlyArray<
  readonly [name: string, token: Redacted.Redacted | undefined]
>

/** An operator's token has at least so many characters: it must not be guessed. */
export const TOKEN_LENGTH_MIN = 16

/**
 * The operator whose token an `Authorization` header has; undefined when it has none. Hashes are compared in constant time, with every
 * operator's, so that neither the length nor the place of a difference shows in the time.
 */
export const operatorOf = (tokens: OperatorTokens, authorization: string | undefined): string | undefined => {
  const [, given = ""] = /^bearer +([\x21-\x7e]{1,4096})$/i.exec(authorization ?? "") ?? []
  const hash = digest(given)
  let found: string | undefined
  for (const [name, token] of tokens()) {
    const isTheirs = timingSafeEqual(hash, digest(token === undefined ? "" : Redacting.value(token)))
    if (isTheirs && given.length >= TOKEN_LENGTH_MIN) found = name
  }
  return found
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/**
 * Whether a `Host` header names the service: the host of `publicUrl`, the address that it listens at, or loopback. A page elsewhere whose
 * name resolves to this machine (DNS rebinding) sends another one.
 */
export const isOwnHost = (
  { listen, publicUrl }: { readonly listen: string; readonly publicUrl?: string | undefined },
  host: string | undefined,
): boolean => {
  const name = hostName(host ?? "")
  if (name === "") return false
  const own = [hostName(listen), ...(publicUrl === undefined ? [] : [hostName(new URL(publicUrl).host)])]
  return LOOPBACK.has(name) || own.some((known) => known === name && !ANY.has(known))
}

/**
 * Whether an `Origin` header is of a page of this service: the origin of `publicUrl`, or the host and port that the request itself names.
 * Another port of this machine is another site.
 */
export const isOwnOrigin = (
  { publicUrl }: { readonly publicUrl?: string | undefined },
  origin: string,
  host: string | undefined,
): boolean => {
  if (publicUrl !== undefined && origin === new URL(publicUrl).origin) return true
  if (host === undefined) return false
  return ["http", "https"].some(
    (scheme) => URL.canParse(`${scheme}://${host}`) && origin === new URL(`${scheme}://${host}`).origin,
  )
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"])
/** Listening everywhere names no host. */
const ANY = new Set(["0.0.0.0", "[::]"])

/** The name in lower case without its port; `""` when the header is not well-formed. */
const hostName = (host: string): string =>
  (/^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/.exec(host.toLowerCase()) ?? [])[1] ?? ""
