/** An egress allow-list: which hosts and ports an agent may reach, and how. Nothing is looked up. */
import { Option } from "effect"
import { type Host, readHost } from "./Hosts.ts"

/** An entry as a manifest has it: `host`, `*.host`, or with more. */
export type AllowEntry =
  | string
  | {
      readonly host: string
      readonly port?: number | undefined
      readonly private?: boolean | undefined
      readonly tls?: boolean | undefined
    }

/** Where an agent wants to go: by a tunnel, or by plain HTTP. */
export interface Destination {
  readonly host: Host
  readonly port: number
  readonly by: "tunnel" | "http"
}

/** What a destination on the list may do. */
export interface Permit {
  /** Whether addresses that are not public may be dialled. */
  readonly private: boolean
  /** Whether a tunnel must begin with a TLS hello for its host. */
  readonly tls: boolean
}

/** Asks a list. None: not on it. */
export type AllowList = (destination: Destination) => Option.Option<Permit>

/** What {@link isAllowedHost} wants, for messages. */
export const ALLOWED_HOST_RULE = "a host without scheme and port (api.example.com, *.example.com, an address)"

/** Whether a text can be the host of an entry. `*` alone is none: it would be no list. */
export const isAllowedHost = (text: string): boolean => Option.isSome(readPattern(text))

/** The port of an entry that names none. */
const DEFAULT_PORTS = { tunnel: 443, http: 80 } as const

/**
 * The list of these entries; one whose host cannot be read allows nothing. A destination that several entries allow
 * may do what any of them allows.
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

/** `*.host` is every name below it, and not the host itself. */
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
