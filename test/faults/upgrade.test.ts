/** A bottle that an old version launched, in the hands of this one. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"

/** The first version whose bottles must survive an upgrade. */
const OLD = "8e3776d"
const root = new URL("../../", import.meta.url).pathname

describeDocker("an upgrade", () => {
  const place = mkdtempSync(join(tmpdir(), "bb-old-"))
  const cli = makeCli()
  const old = { bin: join(place, "dist/bin/bot-bottle.cjs") }

  beforeAll(async () => {
    const archive = execFileSync("git", ["archive", OLD], { cwd: root, maxBuffer: 256 * 1024 * 1024 })
    execFileSync("tar", ["-x", "-C", place], { input: archive })
    symlinkSync(join(root, "node_modules"), join(place, "node_modules"))
    execFileSync(process.execPath, ["scripts/bundle.mjs"], { cwd: place })
    cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\n`)
    cli.write(
      "agents/keeper.md",
      shellAgent(`cat kept 2>/dev/null || { echo "from run 1" >kept; sleep 600; }`),
    )
  })
  afterAll(() => {
    cli.remove()
    rmSync(place, { recursive: true, force: true })
  })

  it("freezes and resumes a bottle that an old version launched and left at work, and states both runs", async () => {
    const launched = cli.start(["start", "keeper", "--headless", "--prompt", "x"], old)
    await expect.poll(launched.stderr, { timeout: 60_000 }).toMatch(/^bottle \S+$/m)
    const slug = /^bottle (\S+)$/m.exec(launched.stderr())?.[1] ?? "no-slug"
    const states = async () => JSON.parse((await cli.run(["list", "--json"])).stdout)
    await expect
      .poll(() => spawnSync("docker", ["exec", box(slug), "cat", "kept"]).status, { timeout: 60_000 })
      .toBe(0)
    // The old version's command ends without its agent, as when a terminal is closed.
    launched.child.kill("SIGKILL")
    await launched.result
    expect(await states()).toMatchObject([{ slug, state: "running" }])

    expect(await cli.run(["freeze", slug])).toMatchObject({ code: 0 })
    const resumed = await cli.run(["resume", slug, "--headless", "--prompt", "y"])
    expect([resumed.code, resumed.stdout]).toEqual([0, "from run 1\n"])
    expect(JSON.parse((await cli.run(["provenance", "verify", slug, "--json"])).stdout)).toMatchObject({
      ok: true,
      runs: [{ run: 1 }, { run: 2 }],
    })
    const refused = await cli.run(["list"], old)
    expect([refused.code, refused.stderr]).toEqual([125, expect.stringMatching(/newer/)])
    expect(await cli.run(["destroy", slug])).toMatchObject({ code: 0 })
  })
})

const box = (slug: string): string =>
  execFileSync("docker", ["ps", "--format", "{{.Names}}", "--filter", `name=${slug}`], {
    encoding: "utf8",
  }).trim()
