/** Parses the destination of a request from its head alone: by CONNECT, or by a URL in its first line. */
import { Either } from "effect"
import type { Destination } from "../../domain/AllowList.ts"
import { type Host, readHost } from "../../domain/Hosts.ts"
import { type Refused, malformed, rejected } from "./Refused.ts"

/** Only a host, in brackets if it has colons. */
const HOST = String.raw`(\[[^\]]*\]|[^:/?#@[\]\\]+)`
const AUTHORITY = new RegExp(`^${HOST}:([1-9]\\d{0,4})$`, "s")
const ABSOLUTE = new RegExp(`^http://${HOST}(?::([1-9]\\d{0,4})?)?([/?].*)?$`, "is")

const PORT_MAX = 65_535

/** The target of a CONNECT: `host:port`. */
export const readTunnel = (url: string): Either.Either<Destination, Refused> => {
  const [, host = "", port = ""] = AUTHORITY.exec(url) ?? []
  return host === "" || Number(port) > PORT_MAX
    ? Either.left(malformed("CONNECT needs a host and a port, as in CONNECT api.example.com:443"))
    : Either.map(hostOf(host), (known) => ({ host: known, port: Number(port), by: "tunnel" }))
}

/** A plain HTTP request to an outside host. */
export interface HttpDestination extends Destination {
  /** Path and query, with a leading slash. */
  readonly path: string
}

/** The target of an absolute-form request: `http://host[:port]/path`. */
export const readHttp = (url: string): Either.Either<HttpDestination, Refused> => {
  const [, host = "", port = "80", path = "/"] = ABSOLUTE.exec(url) ?? []
  if (/^https:/i.test(url)) return Either.left(malformed("https goes by CONNECT"))
  return host === "" || Number(port) > PORT_MAX || /[^\x21-\x7e]|#/.test(path)
    ? Either.left(malformed("what is asked for is not an http URL"))
    : Either.map(hostOf(host), (known) => ({
        host: known,
        port: Number(port),
        by: "http",
        path: path.startsWith("/") ? path : `/${path}`,
      }))
}

const hostOf = (text: string): Either.Either<Host, Refused> =>
  Either.fromOption(readHost(text), () => rejected("that is neither the name of a host nor an address"))

/** A host in the form used before a port. */
export const bracketed = ({ text }: Host): string => (text.includes(":") ? `[${text}]` : text)

/** `host:port` in canonical form. */
export const authorityOf = ({ host, port }: Destination): string => `${bracketed(host)}:${port}`

/** The requested destination, when it cannot be parsed. */
export const asAsked = (url: string): string =>
  (/^https?:\/\/([^/?#]*)/i.exec(url)?.[1] ?? url).slice(0, 300).replaceAll(/[^\x21-\x7e]/g, "?")
