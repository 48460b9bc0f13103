/** An upgrade: bottles that commit 8e3776d launched are frozen, resumed and destroyed by this version, on a real engine. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"

const OLD = "8e3776d"
const checkout = new URL("../..", import.meta.url).pathname
const cli = makeCli()
const earlier = join(cli.cwd, "earlier")
const old = { bin: join(earlier, "dist/bin/bot-bottle.cjs") }
const gate = join(cli.cwd, "gate")
const slugIn = (stderr: string): string => /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "no-slug"
const listed = async (options = {}) =>
  Object.fromEntries(
    JSON.parse((await cli.run(["list", "--json"], options)).stdout).map(
      ({ slug, state }: { slug: string; state: string }) => [slug, state],
    ),
  )
const doneOf = (it: { statement: { predicate: { done: { status: string } | null } } }) =>
  it.statement.predicate.done?.status
const ofThisHome = () => {
  const filter = `label=bot-bottle.installation=${readFileSync(join(cli.home, "installation"), "utf8").trim()}`
  return [docker("ps", "-aq", "--filter", filter), docker("images", "-q", "--filter", filter)]
}

/** Builds the earlier version from the history of this repository, with the modules of this one. */
const buildEarlier = (): void => {
  const run = (command: string, args: ReadonlyArray<string>, cwd: string, input?: Buffer): Buffer => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, input, maxBuffer: 64 * 1024 * 1024 })
    if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`)
    return stdout
  }
  // The checkout may be somebody else's, as in a container.
  const git = ["-c", `safe.directory=${resolve(checkout)}`]
  const known = spawnSync("git", [...git, "cat-file", "-e", `${OLD}^{commit}`], { cwd: checkout })
  if (known.status !== 0)
    throw new Error(
      `commit ${OLD} is not in this clone: this test needs the full history (git fetch --unshallow)\n${known.stderr}`,
    )
  mkdirSync(earlier)
  run("tar", ["-x"], earlier, run("git", [...git, "archive", OLD], checkout))
  symlinkSync(join(checkout, "node_modules"), join(earlier, "node_modules"))
  run(process.execPath, ["scripts/bundle.mjs"], earlier)
}

/** Leaves a file and a line in the log in its first run, and works on if it is not to leave. Prints the file in later runs. */
const AGENT = shellAgent(`[ ! -e kept ] || { cat kept; exec forge signal-done success found; }
echo "from ${OLD}" >kept; forge signal-done blocked upgrade; grep -q leave || exec sleep 600`)

describeDocker("bottles of an earlier version", () => {
  let working = ""
  let frozen = ""
  beforeAll(async () => {
    buildEarlier()
    cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\n`)
    cli.write("agents/keeper.md", AGENT)
    const left = await cli.run(["start", "keeper", "--headless", "--prompt", "leave"], old)
    expect([left.code, left.stdout]).toEqual([0, "done\n"])
    frozen = slugIn(left.stderr)
    expect(await cli.run(["freeze", frozen], old)).toMatchObject({ code: 0 })
    // The old command is gone as in an upgrade by an installer; its sidecar and its agent work on.
    const { child, result, ...says } = cli.start(["start", "keeper", "--headless", "--prompt", "stay"], old)
    await vi.waitFor(() => expect(says.stdout()).toContain("done"), { timeout: 120_000 })
    working = slugIn(says.stderr())
    child.kill("SIGKILL")
    await result
  })
  afterAll(async () => {
    // The earlier version removes what this one could not read.
    writeFileSync(gate, "")
    for (const options of [{}, old]) {
      for (const slug of Object.keys(await listed(options).catch(() => ({}))))
        await cli.run(["destroy", slug], options)
    }
    cli.remove()
  })

  it("end as usual under an earlier command that watches them while the database is migrated", async () => {
    cli.write("bottles/open.yaml", "backend: host\n")
    cli.write(
      "agents/waiter.md",
      shellAgent(`echo waits; while [ ! -e ${gate} ]; do sleep 0.1; done; exit 3`, "open"),
    )
    const watched = cli.start(["start", "waiter", "--headless", "--prompt", "x"], old)
    await expect.poll(watched.stdout).toContain("waits")
    const slug = slugIn(watched.stderr())
    expect(await listed()).toMatchObject({ [slug]: "running" })
    writeFileSync(gate, "")
    expect((await watched.result).code).toBe(3)
    expect(JSON.parse((await cli.run(["list", "--json"])).stdout)).toContainEqual(
      expect.objectContaining({ slug, state: "exited", exit: expect.objectContaining({ code: 3 }) }),
    )
    expect(await cli.run(["destroy", slug])).toMatchObject({ code: 0 })
  })

  it("are frozen while their agents work, resumed with their files, and destroyed without a trace", async () => {
    expect(await listed()).toEqual({ [working]: "running", [frozen]: "frozen" })
    expect(await cli.run(["freeze", working])).toMatchObject({ code: 0 })
    expect(await listed()).toEqual({ [working]: "frozen", [frozen]: "frozen" })
    for (const slug of [working, frozen]) {
      const resumed = await cli.run(["resume", slug, "--headless", "--prompt", "go on"])
      expect([resumed.code, resumed.stdout]).toEqual([0, `from ${OLD}\ndone\n`])
      const verdict = JSON.parse((await cli.run(["provenance", "verify", slug, "--json"])).stdout)
      expect(verdict).toMatchObject({
        ok: true,
        runs: [
          { run: 1, lines: 2 },
          { run: 2, lines: 4 },
        ],
      })
      const { stdout } = await cli.run(["provenance", "show", slug, "--json"])
      expect(JSON.parse(stdout).map(doneOf)).toEqual(["blocked", "success"])
    }
    expect(await cli.run(["destroy", working, frozen])).toMatchObject({ code: 0 })
    expect(await listed()).toEqual({})
    expect(ofThisHome()).toEqual(["", ""])
    expect([readdirSync(join(cli.home, "state")), readdirSync(join(cli.home, "run"))]).toEqual([[], []])
  })

  it("are not touched by the earlier version any more: it refuses the newer database, and leaves it as it is", async () => {
    const before = readFileSync(join(cli.home, "bot-bottle.db"))
    const { code, stderr } = await cli.run(["list"], old)
    expect([code, stderr]).toEqual([125, expect.stringMatching(/newer/)])
    expect(readFileSync(join(cli.home, "bot-bottle.db")).equals(before)).toBe(true)
  })
})
