/** Classifies a request at the neck: a path of the neck, an outside host, or nothing. */
import { createHash, timingSafeEqual } from "node:crypto"
import type { IncomingMessage } from "node:http"

/** Where a request may go. */
export type Passage =
  | { readonly kind: "Path"; readonly path: string }
  /** A host outside, by CONNECT or absolute-form. */
  | { readonly kind: "Elsewhere" }
  | { readonly kind: "NotFound" }
  | { readonly kind: "PasswordRequired" }

/** Decides by the head of a request. */
export type Gate = (request: IncomingMessage) => Passage

/** The neck's address as the bottle sees it. When requested through the proxy it is still the neck. */
const OWN_ADDRESSES: ReadonlySet<string> = new Set(["127.0.0.1:7317", "localhost:7317"])

/** The gate of the Unix socket: only the bottle can connect. */
export const socketGate: Gate = ({ method, url = "" }) => {
  if (method === "CONNECT") return { kind: "Elsewhere" }
  const absolute = absoluteForm(url)
  if (absolute === undefined) return { kind: "Path", path: url }
  return OWN_ADDRESSES.has(absolute.host) ? { kind: "Path", path: absolute.path } : { kind: "Elsewhere" }
}

/** The gate of a loopback port, which every local user can reach: paths below a secret prefix, and a proxy with a password. */
export const loopbackGate =
  (secret: { readonly prefix: string; readonly password: string }, ownAddress: () => string): Gate =>
  ({ method, url = "", headers }) => {
    const absolute = method === "CONNECT" ? { host: url, path: "" } : absoluteForm(url)
    if (absolute !== undefined && absolute.host !== ownAddress()) {
      return isSame(headers["proxy-authorization"] ?? "", basic(secret.password))
        ? { kind: "Elsewhere" }
        : { kind: "PasswordRequired" }
    }
    const [, prefix = "", path = ""] = /^\/([^/]*)(\/.*)$/s.exec(absolute?.path ?? url) ?? []
    return isSame(prefix, secret.prefix) ? { kind: "Path", path } : { kind: "NotFound" }
  }

/** User name in the proxy's URL. */
export const PROXY_USER = "bottle"

const basic = (password: string): string =>
  `Basic ${Buffer.from(`${PROXY_USER}:${password}`).toString("base64")}`

/** Compares in constant time. */
const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

const absoluteForm = (url: string): { readonly host: string; readonly path: string } | undefined => {
  const [, host, path = ""] = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)(.*)$/is.exec(url) ?? []
  return host === undefined ? undefined : { host: host.toLowerCase(), path: path === "" ? "/" : path }
}

/** The response to a request that is for nothing here. */
export interface Refusal {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

/** The refusal of a request that does not pass. */
export const refusalOf = (passage: Exclude<Passage, { readonly kind: "Elsewhere" }>): Refusal => {
  switch (passage.kind) {
    case "PasswordRequired":
      return {
        status: 407,
        text: "the proxy needs this run's password\n",
        headers: { "proxy-authenticate": 'Basic realm="bot-bottle"' },
      }
    case "NotFound":
    case "Path":
      return { status: 404, text: "not found\n", headers: {} }
  }
}
