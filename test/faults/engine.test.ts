/** Agent and engine die under a bottle; on engines of the test's own. */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { dockerAvailable } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"
import type { SecondEngine } from "../support/secondEngine.ts"
import { sidecarsOf } from "../support/faults.ts"
import { noSecondEngine, secondEngine } from "../support/secondEngine.ts"

if (noSecondEngine !== undefined && process.env["CI_REQUIRE_DOCKER"] === "1") throw new Error(noSecondEngine)
if (noSecondEngine !== undefined)
  process.stderr.write(`\n*** tests of engine faults are SKIPPED: ${noSecondEngine} ***\n\n`)

// Engines start and stop slowly on a machine that has other things to do.
vi.setConfig({ testTimeout: 240_000 })

const cli = makeCli()
let engine: SecondEngine
let keeping: SecondEngine

const slugIn = (text: string): string => /^bottle (\S+)$/m.exec(text)?.[1] ?? "no-slug"
const stateOf = async (slug: string, { env }: SecondEngine) => {
  const { stdout } = await cli.run(["list", "--json"], { env })
  return (JSON.parse(stdout) as ReadonlyArray<Record<string, unknown>>).find((row) => row["slug"] === slug)?.[
    "state"
  ]
}
/** Starts an agent on an engine, and answers when it has said `up`. */
const up = async (name: string, { env }: SecondEngine) => {
  const running = cli.start(["start", name, "--headless", "--prompt", "x"], { env })
  await expect.poll(running.stdout).toContain("up\n")
  return { running, slug: slugIn(running.stderr()) }
}
const destroyed = async (slug: string, { env, docker }: SecondEngine) => {
  expect(await cli.run(["destroy", slug], { env })).toMatchObject({ code: 0 })
  const label = `label=bot-bottle.slug=${slug}`
  expect([docker("ps", "-aq", "--filter", label), docker("images", "-q", "--filter", label)]).toEqual([
    "",
    "",
  ])
  expect(readdirSync(join(cli.home, "state"))).not.toContain(slug)
  expect(sidecarsOf(cli, slug)).toEqual([])
}

const NAPPER = shellAgent(
  'if [ "$BOT_BOTTLE_RUN" -gt 1 ]; then cat mark; exit; fi; echo kept >mark; echo up; exec sleep 600',
)

describe.skipIf(!dockerAvailable || noSecondEngine !== undefined)("what a bottle stands on dies", () => {
  beforeAll(async () => {
    const image = await demoImageForTests()
    ;[engine, keeping] = await Promise.all([secondEngine(), secondEngine({ flags: ["--live-restore"] })])
    for (const { env } of [engine, keeping]) {
      const host = `docker save ${image} | DOCKER_HOST=${env.DOCKER_HOST} docker load`
      expect(spawnSync("sh", ["-c", host]).status).toBe(0)
    }
    cli.write("bottles/plain.yaml", `image: ${image}\n`)
    cli.write("agents/napper.md", NAPPER)
  })
  afterAll(async () => {
    await Promise.all([engine.remove(), keeping.remove()])
    cli.remove()
  })

  it("the engine is killed: the command says so, and when it is back the bottle is told as ended and goes on", async () => {
    const { running, slug } = await up("napper", engine)
    await engine.stop("SIGKILL")
    const { code, stderr } = await running.result
    expect([code, stderr]).toEqual([
      125,
      expect.stringMatching(/no docker engine answers|was cut off|stopped answering/),
    ])
    expect(await stateOf(slug, engine)).toBe("unknown")
    expect(await cli.run(["destroy", slug], { env: engine.env })).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/no docker engine answers/),
    })
    await engine.start()
    expect(await stateOf(slug, engine)).toBe("exited")
    const again = await cli.run(["resume", slug, "--headless", "--prompt", "x"], { env: engine.env })
    expect(again).toMatchObject({ code: 0, stdout: "kept\n" })
    await destroyed(slug, engine)
  })

  it("the engine is stopped in good order: the agent ends with it, and the bottle goes on when it is back", async () => {
    const { running, slug } = await up("napper", engine)
    await engine.stop("SIGTERM")
    expect((await running.result).code).toBeGreaterThan(0)
    await engine.start()
    expect(await stateOf(slug, engine)).toBe("exited")
    const again = await cli.run(["resume", slug, "--headless", "--prompt", "x"], { env: engine.env })
    expect(again).toMatchObject({ code: 0, stdout: "kept\n" })
    await destroyed(slug, engine)
  })

  it("engine, containerd and agent are killed at once, as by a reboot: the bottle is told as ended and goes on", async () => {
    const { running, slug } = await up("napper", engine)
    await engine.crash()
    expect((await running.result).code).toBeGreaterThan(0)
    for (const pid of sidecarsOf(cli, slug)) process.kill(pid, "SIGKILL")
    await engine.start()
    expect(await stateOf(slug, engine)).toBe("exited")
    const again = await cli.run(["resume", slug, "--headless", "--prompt", "x"], { env: engine.env })
    expect(again).toMatchObject({ code: 0, stdout: "kept\n" })
    await destroyed(slug, engine)
  })

  it("an engine that keeps its containers is restarted: the agent works on, and is told as running", async () => {
    const { running, slug } = await up("napper", keeping)
    await keeping.stop("SIGTERM")
    await running.result
    await keeping.start()
    expect(await stateOf(slug, keeping)).toBe("running")
    const watching = cli.start(["watch", slug], { env: keeping.env })
    await expect.poll(watching.stdout).toContain("watching")
    expect(
      await cli.run(["resume", slug, "--headless", "--prompt", "x"], { env: keeping.env }),
    ).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/is running/),
    })
    expect(await cli.run(["freeze", slug], { env: keeping.env })).toMatchObject({ code: 0 })
    expect((await watching.result).code).toBeGreaterThan(128)
    const again = await cli.run(["resume", slug, "--headless", "--prompt", "x"], { env: keeping.env })
    expect(again).toMatchObject({ code: 0, stdout: "kept\n" })
    await destroyed(slug, keeping)
  })

  it("the agent's container is killed from outside: 137, exited, goes on", async () => {
    const { running, slug } = await up("napper", engine)
    engine.docker(
      "kill",
      ...engine.docker("ps", "-q", "--filter", `label=bot-bottle.slug=${slug}`).split("\n"),
    )
    expect((await running.result).code).toBe(137)
    expect(await stateOf(slug, engine)).toBe("exited")
    expect(sidecarsOf(cli, slug)).toEqual([])
    await destroyed(slug, engine)
  })

  it("the agent's container is removed from outside: the run ends as killed, and the bottle can be destroyed", async () => {
    const { running, slug } = await up("napper", engine)
    engine.docker(
      "rm",
      "-f",
      ...engine.docker("ps", "-q", "--filter", `label=bot-bottle.slug=${slug}`).split("\n"),
    )
    const { code, stderr } = await running.result
    expect([code, stderr]).toEqual([expect.toSatisfy((n: number) => n > 0), expect.stringContaining(slug)])
    expect(await stateOf(slug, engine)).toBe("created")
    expect(sidecarsOf(cli, slug)).toEqual([])
    await destroyed(slug, engine)
  })
})
