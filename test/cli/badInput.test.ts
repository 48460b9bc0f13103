import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"

const cli = makeCli()
const start = ["start", "hello", "--backend", "host", "--headless", "--prompt", "x"]

beforeAll(() => {
  cli.write("agents/hello.md", shellAgent("echo hello"))
  cli.write("bottles/plain.yaml", "env: {}\n")
  cli.write("agents/homeless.md", `---\nprovider: command\ncommand: ["true"]\n---\n`)
})
afterAll(cli.remove)

const fails = (name: string, args: ReadonlyArray<string>, code: number, text: string | RegExp) =>
  it(name, async () => {
    const result = await cli.run(args)
    expect(result.stderr).toMatch(text)
    expect(result.stderr).not.toMatch(/\bat .*\.(js|ts):\d+/)
    expect(result.stdout).toBe("")
    expect(result.code).toBe(code)
  })

describe("bad input on the command line", () => {
  fails(
    "an unknown agent is named, with what to do",
    ["start", "nobody", "--headless", "--prompt", "x"],
    125,
    /no agent "nobody"/,
  )
  fails("an unknown bottle is named by its file", [...start, "--bottle", "nowhere"], 125, /nowhere\.yaml/)
  fails(
    "an unknown backend is told with the known ones",
    ["start", "hello", "--backend", "cloud", "--headless", "--prompt", "x"],
    125,
    /no backend "cloud".*docker/,
  )
  fails(
    "an agent without a default bottle is told",
    ["start", "homeless", "--headless", "--prompt", "x"],
    125,
    /names no default bottle/,
  )
  fails(
    "an unknown slug cannot be resumed",
    ["resume", "nothing-here", "--headless", "--prompt", "x"],
    125,
    /no bottle "nothing-here"/,
  )
  fails("an unknown slug cannot be frozen", ["freeze", "nothing-here"], 125, /no bottle "nothing-here"/)
  fails("a slug that is none is wrong usage", ["destroy", "Not_A_Slug"], 2, /invalid slug/)
  fails(
    "an empty prompt is wrong usage",
    ["start", "hello", "--headless", "--prompt", " "],
    2,
    /invalid prompt: it is empty/,
  )
  fails(
    "a prompt without --headless is wrong usage",
    ["start", "hello", "--prompt", "x"],
    2,
    /only valid with --headless/,
  )
  fails("--headless without a prompt is wrong usage", ["start", "hello", "--headless"], 2, /needs --prompt/)
  fails("two prompts are wrong usage", [...start, "--prompt-file", "x"], 2, /not both/)
  fails(
    "a prompt file that is missing is told",
    ["start", "hello", "--headless", "--prompt-file", "/nonexistent/p"],
    2,
    /invalid prompt-file/,
  )
  fails("a label of emoji alone is wrong usage", [...start, "--label", "🍾🍾"], 2, /invalid label/)
  fails(
    "a start without an agent and a terminal is wrong usage",
    ["start", "--headless", "--prompt", "x"],
    2,
    /invalid agent/,
  )
  fails(
    "orchestrate without FORGE_* names the variable",
    ["orchestrate", "start", "--agent", "hello", "--prompt", "x"],
    125,
    /FORGE_GITEA_API: is missing/,
  )

  it("an unknown flag and an unknown command are wrong usage", async () => {
    expect((await cli.run(["start", "hello", "--frobnicate"])).code).toBe(2)
    expect((await cli.run(["frobnicate"])).code).toBe(2)
  })

  it("stop and destroy of an unknown slug are ok", async () => {
    expect((await cli.run(["stop", "nothing-here"])).code).toBe(0)
    expect((await cli.run(["destroy", "nothing-here", "--backend", "host"])).code).toBe(0)
  })

  it("an error is JSON with its tag under --json", async () => {
    const result = await cli.run(["resume", "nothing-here", "--headless", "--prompt", "x", "--json"])
    expect(JSON.parse(result.stdout)).toMatchObject({
      error: { _tag: "BottleNotFound", slug: "nothing-here" },
    })
    expect(result.code).toBe(125)
  })
})

describe("labels", () => {
  it("a label with spaces, capitals and 300 characters becomes a slug", async () => {
    const result = await cli.run([...start, "--label", `My Label ${"x".repeat(300)}`])
    expect(result.stderr).toMatch(/bottle my-label-x{25}-[a-z2-7]{5}\n/)
    expect(result.code).toBe(0)
  })

  it("two starts with one label at once get bottles of their own", async () => {
    const both = await Promise.all([
      cli.run([...start, "--label", "twin"]),
      cli.run([...start, "--label", "twin"]),
    ])
    const slugs = both.map((result) => /bottle (\S+)/.exec(result.stderr)?.[1] ?? "").sort()
    expect(slugs[0]).toMatch(/^twin-2-[a-z2-7]{5}$|^twin-[a-z2-7]{5}$/)
    expect(new Set(slugs.map((slug) => slug.slice(0, -6)))).toEqual(new Set(["twin", "twin-2"]))
  })
})

describe("a prompt", () => {
  it("of 1 MB reaches the agent by stdin and by file", async () => {
    cli.write("agents/count.md", shellAgent(`wc -c; wc -c < "$BOT_BOTTLE_PROMPT_FILE"`))
    cli.write("prompt.txt", "p".repeat(1_000_000))
    const result = await cli.run([
      "start",
      "count",
      "--backend",
      "host",
      "--headless",
      "--prompt-file",
      `${cli.home}/prompt.txt`,
    ])
    expect(result.stdout.split("\n").map(Number).filter(Boolean)).toEqual([1_000_000, 1_000_000])
  })
})
