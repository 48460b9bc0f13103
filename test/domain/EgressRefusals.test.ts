/** The entries that `log --denied` proposes, judged by the allow-list that they make. */
import { Option } from "effect"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { allowList } from "../../src/domain/AllowList.ts"
import { EGRESS_REASONS, egressBlock, missingEntries } from "../../src/domain/EgressRefusals.ts"
import { readHost } from "../../src/domain/Hosts.ts"
import type { OperationLine } from "../../src/domain/OperationLine.ts"

const { notListed, notPublic, notTls, noName } = EGRESS_REASONS
const refused = (target: string, reason: string, rest: Partial<OperationLine> = {}): OperationLine => ({
  seq: 1,
  at: "2026-11-20T10:00:00.000Z",
  op: "egress",
  target,
  outcome: "rejected",
  reason,
  durationMs: 0,
  detail: "connection was not made",
  ...rest,
})

/** What a manifest with the proposed block, as its reader has it, permits. */
const permitted = (
  lines: ReadonlyArray<OperationLine>,
  host: string,
  port: number,
  by: "tunnel" | "http",
) => {
  const list = allowList(parse(egressBlock(missingEntries(lines))).egress.allow ?? [])
  return Option.getOrUndefined(Option.flatMap(readHost(host), (known) => list({ host: known, port, by })))
}

describe("the entries that egress missed", () => {
  it.each([
    ["api.example.com", 443, "tunnel"],
    ["api.example.com", 8443, "tunnel"],
    ["api.example.com", 80, "http"],
    ["192.0.2.7", 443, "tunnel"],
    ["[2001:db8::1]", 443, "tunnel"],
    ["null", 443, "tunnel"],
  ] as const)("allow %s on port %d, and no more than was refused", (host, port, by) => {
    const lines = [refused(`${host}:${port}`, notListed)]
    expect(permitted(lines, host, port, by)).toEqual({ private: false, tls: true })
    expect(permitted(lines, host, port + 1, by)).toBeUndefined()
    expect(permitted(lines, `other.${host}`, port, by)).toBeUndefined()
    expect(permitted([...lines, refused(`${host}:${port}`, notPublic)], host, port, by)?.private).toBe(true)
    for (const reason of [notTls, noName])
      expect(permitted([...lines, refused(`${host}:${port}`, reason)], host, port, by)?.tls).toBe(false)
  })

  it("are one for each host and port, in the order of the first refusal, and none for what no entry can allow", () => {
    expect(
      missingEntries([
        refused("b.example:443", notListed),
        refused("a.example:443", notListed),
        refused("b.example:443", notListed),
        refused("c.example:443", "the TLS hello names d.example"),
        refused("https://e.example/", notListed),
        refused("*.f.example:443", notListed),
        refused('g.example"\n    - "*:443', notListed),
        refused("h.example:443", notListed, { op: "route" }),
        refused("i.example:443", notListed, { outcome: "failed" }),
      ]),
    ).toEqual([
      { host: "b.example", port: 443 },
      { host: "a.example", port: 443 },
    ])
  })
})
