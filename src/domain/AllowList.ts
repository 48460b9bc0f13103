/** An egress allow-list: which hosts and ports an agent may reach, and how. It does no name resolution. */
import { Option } from "effect"
import { type Host, readHost } from "./Hosts.ts"

/** An entry as written in a manifest: `host`, `*.host`, or an object with more keys. */
export type AllowEntry =
  | string
  | {
      readonly host: string
      readonly port?: number | undefined
      readonly private?: boolean | undefined
      readonly tls?: boolean | undefined
    }

/** A destination that an agent asks for: by a tunnel, or by plain HTTP. */
export interface Destination {
  readonly host: Host
  readonly port: number
  readonly by: "tunnel" | "http"
}

/** What is allowed for a destination on the list. */
export interface Permit {
  /** Whether addresses that are not public may be dialled. */
  readonly private: boolean
  /** Whether a tunnel must begin with a TLS hello for its host. */
  readonly tls: boolean
}

/** Looks a destination up. None: it is not on the list. */
export type AllowList = (destination: Destination) => Option.Option<Permit>

/** The rule of {@link isAllowedHost}, for messages. */
export const ALLOWED_HOST_RULE = "a host without scheme and port (api.example.com, *.example.com, an address)"

/** Whether a text can be the host of an entry. `*` alone is refused, since it would allow every host. */
export const isAllowedHost = (text: string): boolean => Option.isSome(readPattern(text))

/** The port of an entry without one. */
const DEFAULT_PORTS = { tunnel: 443, http: 80 } as const

/**
 * The list of these entries. An entry whose host cannot be parsed allows nothing. A destination that several entries allow may do what
 * any of them allows.
 */
export const allowList = (entries: ReadonlyArray<AllowEntry>): AllowList => {
  const rules = entries.flatMap((entry) => {
    const { host, ...rule } = typeof entry === "string" ? { host: entry } : entry
    return Option.match(readPattern(host), { onNone: () => [], onSome: (matches) => [{ matches, rule }] })
  })
  return ({ host, port, by }) => {
    const found = rules.filter(
      ({ matches, rule }) => matches(host) && port === (rule.port ?? DEFAULT_PORTS[by]),
    )
    return found.length === 0
      ? Option.none()
      : Option.some({
          private: found.some(({ rule }) => rule.private === true),
          tls: found.every(({ rule }) => rule.tls !== false),
        })
  }
}

/** `*.host` matches every name below the host, and not the host itself. */
const readPattern = (text: string): Option.Option<(host: Host) => boolean> => {
  const below = text.startsWith("*.")
  return readHost(below ? text.slice(2) : text).pipe(
    Option.filter((listed) => !below || listed.kind === "name"),
    Option.map(
      (listed) => (host) =>
        host.kind === listed.kind &&
        (below ? host.text.endsWith(`.${listed.text}`) : host.text === listed.text),
    ),
  )
}
