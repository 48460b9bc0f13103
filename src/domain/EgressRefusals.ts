/** What egress refused, and the entries of an allow-list that would have allowed it. */
import { Option } from "effect"
import type { AllowEntry } from "./AllowList.ts"
import { readHost } from "./Hosts.ts"
import type { OperationLine } from "./OperationLine.ts"

/** Reasons for a refusal that an entry of the manifest can lift. The sidecar logs them, and sends them to the agent. */
export const EGRESS_REASONS = {
  notListed: "it is not on this bottle's allow-list",
  notPublic: "it has no public address, and its entry does not say private: true",
  notTls: "what it carries is not TLS, and its entry does not say tls: false",
  noName: "the TLS hello names no host, and its entry does not say tls: false",
} as const

/** An entry with all that the refusals of one host and port need. */
export type MissingEntry = Exclude<AllowEntry, string> & { readonly port: number }

/** The entries that would have allowed what these lines show as refused by egress, in the order of the first refusal. */
export const missingEntries = (lines: Iterable<OperationLine>): ReadonlyArray<MissingEntry> => {
  const found = new Map<string, MissingEntry>()
  for (const { op, outcome, reason, target } of lines) {
    if (op !== "egress" || outcome !== "rejected") continue
    const { notListed, notPublic, notTls, noName } = EGRESS_REASONS
    const [, authority = "", port = ""] = /^(.*):(\d+)$/s.exec(target) ?? []
    const host = Option.getOrUndefined(readHost(authority))
    if (host === undefined) continue
    const entry = { ...found.get(target), host: host.text, port: Number(port) }
    if (reason === notListed) found.set(target, entry)
    else if (reason === notPublic) found.set(target, { ...entry, private: true })
    else if (reason === notTls || reason === noName) found.set(target, { ...entry, tls: false })
  }
  return [...found.values()]
}

/** Entries as a block of a bottle manifest, in YAML. Hosts are quoted: an address is not a number. */
export const egressBlock = (entries: ReadonlyArray<MissingEntry>): string =>
  ["egress:", "  allow:", ...entries.map((entry) => `    - ${entryText(entry)}`)].join("\n")

const entryText = ({ host, port, ...rest }: MissingEntry): string => {
  const marks = Object.entries(rest).map(([key, value]) => `, ${key}: ${value}`)
  const quoted = JSON.stringify(host)
  return port === TLS_PORT && marks.length === 0
    ? quoted
    : `{ host: ${quoted}, port: ${port}${marks.join("")} }`
}

const TLS_PORT = 443
