/** What `verify` shows, and what it refuses, without an engine. */
import { afterAll, describe, expect, it } from "vitest"
import { rendered } from "../../src/cli/output.ts"
import { report } from "../../src/cli/verify.ts"
import type { ProbeResult } from "../../src/domain/probes/Probe.ts"
import { makeCli } from "../support/cli.ts"

const cli = makeCli()
afterAll(cli.remove)

const good: ProbeResult = {
  class: "names",
  name: "DNS",
  expected: "no answer",
  seen: "ECONNREFUSED",
  ok: true,
}
const hole: ProbeResult = {
  class: "network",
  name: "TCP to the Internet",
  expected: "no way there",
  seen: "connected\u001b[2J",
  ok: false,
}

describe("the table of verify", () => {
  it("has a line for each probe, and names what is open, with what to do", () => {
    const [head, ...lines] = rendered(report([good, hole])).split("\n")
    expect(head).toMatch(/ABOUT +TRIED +EXPECTED +SEEN/)
    expect(lines[0]).toMatch(/^ok +names +DNS +no answer +ECONNREFUSED$/)
    expect(lines[1]).toMatch(/^HOLE +network +TCP to the Internet +no way there +connected/)
    expect(lines.slice(2).join("\n")).toMatch(
      /^\nnetwork: .*address.*\n {2}TCP to the Internet: expected no way there, seen: connected/,
    )
    expect(rendered(report([good])).split("\n")).toHaveLength(2)
  })

  it("passes no control characters on, wherever they come from", () => {
    expect(rendered(report([hole]))).not.toContain("\u001b")
  })
})

describe("verify", () => {
  it("does not pretend: a backend that isolates nothing, or of which nothing is promised, is refused", async () => {
    const host = await cli.run(["verify", "--backend", "host"])
    expect([host.code, host.stdout]).toEqual([126, ""])
    expect(host.stderr).toMatch(/isolates nothing/)
    const smolvm = await cli.run(["verify", "--backend", "smolvm", "--json"])
    expect(smolvm.code).toBe(126)
    expect(JSON.parse(smolvm.stdout)).toMatchObject({ error: { _tag: "LaunchRefused" } })
  })

  it("says when there is no such bottle manifest", async () => {
    const { code, stderr } = await cli.run(["verify", "--bottle", "none"])
    expect(code).toBe(125)
    expect(stderr).toMatch(/none\.yaml/)
  })

  it("a bottle on a backend that isolates nothing is not launched when it must be verified", async () => {
    cli.write("bottles/sure.yaml", "backend: host\nverify: required\n")
    cli.write(
      "agents/worker.md",
      "---\nprovider: command\nbottle: sure\ncommand: [sh, -c, echo started]\n---\n",
    )
    const { code, stdout, stderr } = await cli.run(["start", "worker", "--headless", "--prompt", "Go"])
    expect([code, stdout]).toEqual([126, ""])
    expect(stderr).toMatch(/isolates nothing/)
    expect(JSON.parse((await cli.run(["list", "--json"])).stdout)).toEqual([])
  })
})
