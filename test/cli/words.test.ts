/** Words of docker and gh: labels for slugs, several bottles at once, columns, the end of a log, and all that is known. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { EGRESS_REASONS } from "../../src/domain/EgressRefusals.ts"
import { bin, makeCli, shellAgent } from "../support/cli.ts"
import { describePty, openTerminal } from "../support/terminal.ts"

const cli = makeCli()
const slugs: Array<string> = []
beforeAll(async () => {
  cli.write("bottles/plain.yaml", "backend: host\nlimits: { timeout: 45m }\n")
  cli.write("agents/talker.md", shellAgent("printf 'one\\ntwo\\nthree\\n'"))
  for (const label of ["first", "second"]) {
    const { stderr } = await cli.run([
      "start",
      "talker",
      "--headless",
      "--prompt",
      "x",
      "--label",
      label,
      "--color",
      "magenta",
    ])
    slugs.push(/^bottle (\S+)$/m.exec(stderr)?.[1] ?? "none")
  }
})
afterAll(async () => {
  await cli.run(["destroy", ...slugs])
  cli.remove()
})

const run = async (...args: ReadonlyArray<string>) => {
  const result = await cli.run(args)
  expect([args, result.code, result.stderr]).toEqual([args, 0, expect.anything()])
  return result.stdout
}

describe("a bottle's label", () => {
  it("names the bottle where it is unique, but not for destroy and rm", async () => {
    const [first = "", second = ""] = slugs
    expect(JSON.parse(await run("inspect", "first", "--json"))).toMatchObject({
      slug: first,
      state: "exited",
      run: 1,
      timeout: "45m",
      spec: { label: "first", color: "magenta" },
      issues: [],
      files: { state: expect.stringContaining(first), outputs: [expect.stringContaining("output-1.log")] },
    })
    expect(await run("inspect", "second")).toMatch(new RegExp(`^slug +${second}\nlabel +second\n`))
    const assigned = await cli.run(["orchestrate", "assign", "first", "--forge", "http://127.0.0.1:1/api/v1"])
    expect(assigned.stderr).toContain(`no bottle "${first}"`)
    for (const command of ["destroy", "rm"]) {
      const refused = await cli.run([command, "first"])
      expect([refused.code, refused.stderr]).toEqual([
        2,
        expect.stringContaining(`"first" is a label, and bottles are removed by their slug: ${first}`),
      ])
    }
  })
})

describe("output and lists", () => {
  it("logs prints the last lines, and pieces as JSON", async () => {
    expect(await run("logs", "first", "--tail", "2")).toBe("two\nthree\n")
    expect(await run("logs", "first", "-n0")).toBe("")
    expect(await run("logs", "first", "-n", "9")).toBe("one\ntwo\nthree\n")
    const pieces = (await run("logs", "first", "--json")).trim().split("\n")
    expect(pieces.map((line) => JSON.parse(line).text).join("")).toBe("one\ntwo\nthree\n")
  })

  it("logs prints what was written since a time or a duration before now, with its other options", async () => {
    const all = "one\ntwo\nthree\n"
    for (const time of ["1h30m", "10 minutes", "2020-01-02T00:00:00Z", "2020-01-02T03:00:00.5+03:00"])
      expect(await run("logs", "first", "--since", time)).toBe(all)
    expect(await run("logs", "first", "--since", "1h", "--run", "1", "--follow", "-n", "1")).toBe("three\n")
    const pieces = async (time: string) =>
      (await run("logs", "first", "--json", "--since", time))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).text)
        .join("")
    expect(await pieces("1h")).toBe(all)
    const soon = new Date(Date.now() + 5000).toISOString()
    expect(await pieces(soon)).toBe("")
    expect(await run("logs", "first", "--since", soon, "--tail", "2")).toBe("")
    const refused = await cli.run(["logs", "first", "--since", "soon"])
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('"soon" is neither a duration (45m) nor a time (2026-11-20T10:00:00Z)'),
    ])
  })

  it("list prints slugs alone, and the columns that are named", async () => {
    expect(await run("ps", "-q")).toBe(`${slugs.join("\n")}\n`)
    const [head, ...rows] = (await run("list", "--format", "label, state,color")).trim().split("\n")
    expect([head, rows.map((row) => row.split(/ {2,}/))]).toEqual([
      "LABEL   STATE       COLOR",
      [
        ["first", "exited (0)", "magenta"],
        ["second", "exited (0)", "magenta"],
      ],
    ])
    const wrong = await cli.run(["list", "--format", "slug,size"])
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringMatching(/there is no column "size": slug, label/),
    ])
  })
})

describePty("colours", () => {
  it("show a bottle's colour and its state on a terminal, unless NO_COLOR is set", async () => {
    const terminal = openTerminal(cli.cwd, { HOME: cli.cwd, BOT_BOTTLE_HOME: cli.home })
    const list = `'${process.execPath}' '${bin}' list`
    try {
      await terminal.shows(/ready> /)
      terminal.line(`${list}; echo ended`)
      await terminal.shows(/^ended$/m)
      const [first = ""] = slugs
      expect(terminal.written()).toContain(`\u001b[35m${first}\u001b[39m`)
      const before = terminal.written().length
      terminal.line(`NO_COLOR=1 ${list}; echo ended without`)
      await terminal.shows(/^ended without$/m)
      expect(terminal.written().slice(before)).toContain(first)
      expect(terminal.written().slice(before)).not.toContain("\u001b[35m")
    } finally {
      terminal.close()
    }
  })
})

describe("log", () => {
  it("shows the operation log as a table, by outcome, time and number of lines, and as it is", async () => {
    const [first = ""] = slugs
    const line = (seq: number, at: string, outcome: string, detail: string) =>
      JSON.stringify({
        seq,
        at,
        op: "post_comment",
        target: "#17",
        outcome,
        durationMs: 41,
        detail,
        reason: undefined,
      })
    const lines = [
      line(1, "2020-01-01T00:00:00.000Z", "ok", "posted"),
      line(2, "2020-01-02T00:00:00.000Z", "rejected", "out of scope\u001b[2J"),
      line(3, new Date().toISOString(), "ok", "posted again"),
    ]
    const state = join(cli.home, "state", first)
    mkdirSync(state, { recursive: true })
    writeFileSync(join(state, "operations.jsonl"), `${lines.join("\n")}\n`)
    const shown = await run("log", "first")
    expect(shown.split("\n")).toEqual([
      "TIME                  OUTCOME   CALL                  ON            MS      WHAT",
      "2020-01-01T00:00:00Z  ok        post_comment          #17           41      posted",
      "2020-01-02T00:00:00Z  rejected  post_comment          #17           41      out of scope␛[2J",
      expect.stringMatching(/ posted again$/),
      "",
    ])
    expect((await run("log", first, "--json")).split("\n")).toEqual([...lines, ""])
    expect(await run("log", first, "--json", "--denied")).toBe(`${lines[1]}\n`)
    expect(await run("log", first, "--json", "--since", "1h30m")).toBe(`${lines[2]}\n`)
    expect(await run("log", first, "--json", "--since", "2020-01-02T00:00:00Z", "-n", "1")).toBe(
      `${lines[2]}\n`,
    )
    const denied = (target: string, reason: string) =>
      JSON.stringify({
        ...JSON.parse(line(4, "2020-01-03T00:00:00.000Z", "rejected", "connection was not made")),
        op: "egress",
        target,
        reason,
      })
    const more = [
      denied("pypi.example:443", EGRESS_REASONS.notListed),
      denied("10.0.0.7:8080", EGRESS_REASONS.notListed),
      denied("10.0.0.7:8080", EGRESS_REASONS.notPublic),
      denied('"\n  - "*": x:443', EGRESS_REASONS.notListed),
    ]
    writeFileSync(join(state, "operations.jsonl"), `${[...lines, ...more].join("\n")}\n`)
    expect((await run("log", first, "--denied")).split("\n\n")[1]?.split("\n").slice(1)).toEqual([
      "egress:",
      "  allow:",
      '    - "pypi.example"',
      '    - { host: "10.0.0.7", port: 8080, private: true }',
      "",
    ])
    expect(await run("log", first)).not.toContain("egress:")
    writeFileSync(join(state, "operations.jsonl"), `${lines.join("\n")}\n`)
    // The agent has ended, so that following it ends too.
    expect(await run("log", first, "--json", "--follow")).toBe(`${lines.join("\n")}\n`)
    expect((await cli.run(["log", first, "--since", "soon"])).code).toBe(2)
  })
})

describe("several bottles", () => {
  it("are stopped, frozen and destroyed by one command; one that fails does not keep the others", async () => {
    const [first = "", second = ""] = slugs
    const stopped = await cli.run(["stop", "first", second, second])
    expect(stopped.stderr.split("\n").filter((line) => line.includes("is stopped")).length).toBe(2)
    const frozen = await cli.run(["freeze", "first", "not-there", "second"])
    expect([frozen.code, frozen.stderr]).toEqual([125, expect.stringContaining('no bottle "not-there"')])
    for (const slug of slugs) expect(frozen.stderr).toContain(`${slug} is frozen`)
    expect((await cli.run(["rm", first, second])).code).toBe(0)
    expect(await run("list", "--json")).toBe("[]\n")
  })
})
