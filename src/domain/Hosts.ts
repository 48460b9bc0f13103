/** Parses hosts as people and programs write them into one canonical form, in which they are compared. */
import { Option } from "effect"

/** A name (lower case, in ASCII, without a trailing dot) or an address (IPv4 in four decimals, IPv6 as RFC 5952 has it, without brackets). */
export interface Host {
  readonly kind: "name" | "address"
  readonly text: string
}

/**
 * Parses a host in any spelling: upper case, Unicode, a trailing dot; an IPv4 address in decimal, octal, hexadecimal and short forms;
 * an IPv6 address with or without brackets. None for anything else, and for an address with a zone, which means something different on
 * each machine.
 */
export const readHost = (written: string): Option.Option<Host> => {
  const bracketed = /^\[(.*)\]$/s.exec(written)?.[1]
  const inner = bracketed ?? written
  return bracketed !== undefined || inner.includes(":") ? readIPv6(inner) : readName(inner)
}

/** Characters that end a host in a URL, or are dropped or decoded in it. */
const NOT_IN_A_NAME = /[\s\p{Cc}/?#@\\:%[\]]/u
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
const NAME_MAX = 253

/** A URL's host is parsed by the WHATWG rules: whatever ends in a number is an address or invalid. */
const hostOf = (text: string): string | undefined =>
  URL.canParse(`http://${text}`) ? new URL(`http://${text}`).hostname : undefined

const readIPv6 = (text: string): Option.Option<Host> => {
  const host = /^[0-9a-f:.]+$/i.test(text) ? hostOf(`[${text}]`) : undefined
  return host === undefined ? Option.none() : Option.some({ kind: "address", text: host.slice(1, -1) })
}

const readName = (written: string): Option.Option<Host> => {
  const host = NOT_IN_A_NAME.test(written) ? undefined : hostOf(written)
  if (host === undefined) return Option.none()
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return Option.some({ kind: "address", text: host })
  const text = host.replace(/\.$/, "")
  return text.length <= NAME_MAX && text.split(".").every((label) => LABEL.test(label))
    ? Option.some({ kind: "name", text })
    : Option.none()
}
