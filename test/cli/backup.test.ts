/** `backup` and `restore` as an operator uses them, while bottles run. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"

const cli = makeCli()
const place = mkdtempSync(join(cli.cwd, "backups-"))
const at = (name: string) => join(place, name)
const slugIn = (stderr: string): string => /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "no-slug"
const other = { env: { BOT_BOTTLE_HOME: at("restored") } }
const statesOf = async (options = {}): Promise<ReadonlyArray<readonly [string, string]>> =>
  JSON.parse((await cli.run(["list", "--json"], options)).stdout).map(
    ({ slug, state }: { slug: string; state: string }) => [slug, state] as const,
  )

const PRICES = "my-model: { input: 1, output: 2 }\n"
const jsonLines = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
let frozen = ""
let running: ReturnType<typeof cli.start>

beforeAll(async () => {
  cli.write("bottles/plain.yaml", "backend: host\n")
  cli.write("prices.yaml", PRICES)
  cli.write("agents/keeper.md", shellAgent(`cat kept 2>/dev/null || echo "from run 1" >kept`))
  cli.write("agents/sleeper.md", shellAgent("echo asleep; exec sleep 600"))
  frozen = slugIn((await cli.run(["start", "keeper", "--headless", "--prompt", "x"])).stderr)
  expect(await cli.run(["freeze", frozen])).toMatchObject({ code: 0 })
  running = cli.start(["start", "sleeper", "--headless", "--prompt", "x"])
  await vi.waitFor(() => expect(running.stdout()).toContain("asleep"), { timeout: 60_000 })
  expect(await cli.run(["backup", at("home.tar")])).toMatchObject({ code: 0 })
})
afterAll(async () => {
  for (const [slug] of await statesOf()) await cli.run(["destroy", slug])
  cli.remove()
})

describe("a back-up", () => {
  it("is made while a bottle runs, is private, and never replaces a file", async () => {
    expect(statSync(at("home.tar")).mode & 0o777).toBe(0o600)
    expect(Object.fromEntries(await statesOf())).toMatchObject({ [frozen]: "frozen" })
    const before = readFileSync(at("home.tar"))
    expect(await cli.run(["backup", at("home.tar")])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("exists: name a new file"),
    })
    expect(readFileSync(at("home.tar")).equals(before)).toBe(true)
    expect(existsSync(at("home.tar.partial"))).toBe(false)
  })

  it("restored into an empty home has its bottles: a frozen one resumes, and its provenance is whole", async () => {
    expect(await cli.run(["restore", at("home.tar")], other)).toMatchObject({ code: 0 })
    // What the old home has is of no help.
    rmSync(join(cli.home, "state", frozen), { recursive: true })
    expect(statSync(at("restored")).mode & 0o777).toBe(0o700)
    expect(readFileSync(join(at("restored"), "prices.yaml"), "utf8")).toBe(PRICES)
    expect(statSync(join(at("restored"), "signing/key.pem")).mode & 0o777).toBe(0o600)
    expect(Object.fromEntries(await statesOf(other))).toMatchObject({ [frozen]: "frozen" })
    const resumed = await cli.run(["resume", frozen, "--headless", "--prompt", "y"], other)
    expect([resumed.code, resumed.stdout]).toEqual([0, "from run 1\n"])
    expect(
      JSON.parse((await cli.run(["provenance", "verify", frozen, "--json"], other)).stdout),
    ).toMatchObject({ ok: true, runs: [{ run: 1 }, { run: 2 }] })
  })

  it("prints each line on stderr as JSON, when log lines are to be JSON", async () => {
    const { stderr } = await cli.run(["start", "keeper", "--headless", "--prompt", "x"], {
      env: { BOT_BOTTLE_LOG: "json" },
    })
    const at = expect.stringMatching(/Z$/)
    expect(jsonLines(stderr)).toMatchObject([
      { at, level: "info", message: expect.stringMatching(/^bottle keeper-/) },
      { at, level: "warn", message: expect.stringContaining("NO ISOLATION") },
    ])
    const failed = await cli.run(["freeze", "nothing"], { env: { BOT_BOTTLE_LOG: "json" } })
    expect(jsonLines(failed.stderr)).toMatchObject([
      { at, level: "error", message: expect.stringMatching(/^bot-bottle: no bottle "nothing"/) },
    ])
  })

  it("is refused by a home that has something, and when a newer bot-bottle or another program made it", async () => {
    const refused = async (file: string, why: RegExp, home = at("never")) => {
      const { code, stderr } = await cli.run(["restore", file], { env: { BOT_BOTTLE_HOME: home } })
      expect([code, stderr]).toEqual([125, expect.stringMatching(why)])
    }
    await refused(at("home.tar"), /is not empty \(.*agents, bottles/, cli.home)
    await refused(at("nothing.tar"), /cannot be used \(ENOENT\)/)
    writeFileSync(at("other.tar"), "not a back-up")
    await refused(at("other.tar"), /is not a back-up of bot-bottle/)
    const unpacked = mkdtempSync(join(place, "unpacked-"))
    spawnSync("tar", ["-xf", at("home.tar"), "-C", unpacked])
    const info = JSON.parse(readFileSync(join(unpacked, "backup.json"), "utf8"))
    writeFileSync(join(unpacked, "backup.json"), JSON.stringify({ ...info, schema: info.schema + 1 }))
    spawnSync("tar", ["-cf", at("newer.tar"), "-C", unpacked, "backup.json", "bot-bottle.db"])
    await refused(at("newer.tar"), /was made by a newer bot-bottle .*use that version/)
    expect(existsSync(join(at("never"), "bot-bottle.db"))).toBe(false)
  })
})
