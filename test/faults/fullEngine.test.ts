/** An agent fills the disk of its engine: an engine of the test's own, whose data are on a small file system. */
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { dockerAvailable } from "../support/docker.ts"
import { sidecarsOf } from "../support/faults.ts"
import { demoImageForTests } from "../support/images.ts"
import type { SecondEngine } from "../support/secondEngine.ts"
import { noSecondEngine, secondEngine } from "../support/secondEngine.ts"
import type { SmallDisk } from "../support/smallDisk.ts"
import { canMount, smallDisk } from "../support/smallDisk.ts"

const MIB = 1024 * 1024
const here = dockerAvailable && noSecondEngine === undefined && canMount

const slugIn = (text: string): string => /^bottle (\S+)$/m.exec(text)?.[1] ?? "no-slug"

/** In its second run it shows what it kept; in its first it leaves its engine no room. */
const FILLER = shellAgent(`
  if [ "$BOT_BOTTLE_RUN" -gt 1 ]; then cat mark; exit; fi
  echo kept >mark; cat /dev/zero >all 2>/dev/null; echo full; exec sleep 600`)

describe.skipIf(!here)("an agent that fills its engine's disk", () => {
  const cli = makeCli()
  let disk: SmallDisk
  let engine: SecondEngine
  const run = (...args: ReadonlyArray<string>) => cli.run(args, { env: engine.env })
  const states = async () =>
    (JSON.parse((await run("list", "--json")).stdout) as ReadonlyArray<{ slug: string; state: string }>).map(
      ({ slug, state }) => [slug, state],
    )

  beforeAll(async () => {
    const image = await demoImageForTests()
    disk = smallDisk(500)
    engine = await secondEngine({ data: join(disk.path, "data") })
    const copy = `docker save ${image} | DOCKER_HOST=${engine.env.DOCKER_HOST} docker load`
    expect(spawnSync("sh", ["-c", copy]).status).toBe(0)
    cli.write("bottles/plain.yaml", `image: ${image}\n`)
    cli.write("agents/filler.md", FILLER)
    cli.write("agents/quick.md", shellAgent("echo quick"))
  })
  afterAll(async () => {
    await engine.remove()
    disk.remove()
    cli.remove()
  })

  it("has what it kept once there is room: until then freeze says why it cannot, list tells the truth, and destroy gives the room back", async () => {
    disk.fill(40 * MIB)
    const filler = async () => {
      const running = cli.start(["start", "filler", "--headless", "--prompt", "x"], { env: engine.env })
      await expect.poll(running.stdout).toContain("full")
      return { running, slug: slugIn(running.stderr()) }
    }
    const { running, slug } = await filler()
    expect(disk.available()).toBeLessThan(MIB)
    expect(await states()).toEqual([[slug, "running"]])
    const refused = await run("start", "quick", "--headless", "--prompt", "x")
    expect([refused.code, refused.stderr]).toEqual([125, expect.stringMatching(/no space left/)])
    const frozen = await run("freeze", slug)
    expect([frozen.code, frozen.stderr]).toEqual([125, expect.stringMatching(/no space left/)])
    expect((await running.result).code).toBeGreaterThan(128)
    expect(await states()).toEqual([[slug, "exited"]])

    expect(await run("cp", `${slug}:mark`, join(cli.cwd, "mark"))).toMatchObject({ code: 0 })
    expect(readFileSync(join(cli.cwd, "mark"), "utf8")).toBe("kept\n")

    disk.free()
    expect(await run("freeze", slug)).toMatchObject({ code: 0 })
    expect(await states()).toEqual([[slug, "frozen"]])
    expect(await run("resume", slug, "--headless", "--prompt", "x")).toMatchObject({
      code: 0,
      stdout: "kept\n",
    })
    expect(await run("destroy", slug)).toMatchObject({ code: 0 })

    disk.fill(40 * MIB)
    const again = await filler()
    expect(await run("destroy", again.slug)).toMatchObject({ code: 0 })
    expect((await again.running.result).code).toBe(137)
    expect(disk.available()).toBeGreaterThan(30 * MIB)
    expect(await states()).toEqual([])
    expect(engine.docker("ps", "-aq")).toBe("")
    expect(readdirSync(join(cli.home, "state"))).toEqual([])
    expect(sidecarsOf(cli, slug)).toEqual([])
    expect(await run("start", "quick", "--headless", "--prompt", "x")).toMatchObject({ stdout: "quick\n" })
  })
})
