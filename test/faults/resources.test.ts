/** The disk is full, the database is locked, the clock is wrong: it is said, nothing is lost, and all goes on afterwards. */
import Database from "better-sqlite3"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Cli } from "../support/cli.ts"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker, docker } from "../support/docker.ts"
import { clockAt, faketime } from "../support/faults.ts"
import { startForge } from "../support/forge.ts"
import { demoImageForTests } from "../support/images.ts"
import type { SmallDisk } from "../support/smallDisk.ts"
import { canMount, smallDisk } from "../support/smallDisk.ts"

const slugIn = (text: string): string => /^bottle (\S+)$/m.exec(text)?.[1] ?? "no-slug"
const listed = async (cli: Cli, env: Readonly<Record<string, string>> = {}) =>
  JSON.parse((await cli.run(["list", "--json"], { env })).stdout) as ReadonlyArray<Record<string, unknown>>
const destroyAll = async (cli: Cli) => {
  for (const { slug } of await listed(cli)) await cli.run(["destroy", String(slug)])
  cli.remove()
}

const describeDisk = canMount ? describeDocker : describe.skip

describeDisk("a full disk", () => {
  const cli = makeCli()
  let disk: SmallDisk
  let env: { readonly BOT_BOTTLE_HOME: string; readonly BOT_BOTTLE_RUN_DIR: string }
  let forge: Awaited<ReturnType<typeof startForge>>

  beforeAll(async () => {
    forge = await startForge()
    disk = smallDisk(12)
    env = { BOT_BOTTLE_HOME: join(disk.path, "home"), BOT_BOTTLE_RUN_DIR: join(cli.home, "run") }
    mkdirSync(join(cli.home, "run"), { recursive: true })
    for (const [path, content] of [
      ["bottles/plain.yaml", `image: ${await demoImageForTests()}\n`],
      ["agents/quick.md", shellAgent("echo quick")],
      [
        "agents/caller.md",
        shellAgent(`forge read-issue 17 >/dev/null && echo before; touch started
          while forge read-issue 17 >/dev/null 2>err; do sleep 0.2; done; echo refused; cat err
          until forge read-issue 17 >/dev/null 2>&1; do sleep 0.2; done; echo after; exec sleep 600`),
      ],
    ] as const) {
      mkdirSync(join(env.BOT_BOTTLE_HOME, path, ".."), { recursive: true })
      writeFileSync(join(env.BOT_BOTTLE_HOME, path), content)
    }
  })
  afterAll(async () => {
    await forge.stop()
    disk.free()
    for (const { slug } of await listed(cli, env)) await cli.run(["destroy", String(slug)], { env })
    disk.remove()
    cli.remove()
  })

  it("calls that cannot be logged are refused, commands say that no space is left, and all goes on when there is some", async () => {
    const args = ["orchestrate", "start", "--agent", "caller", "--prompt", "x"]
    const running = cli.start(args, { env: { ...env, ...forge.env } })
    await expect.poll(running.stdout).toContain("before")
    const slug = slugIn(running.stderr())
    const [box = ""] = docker("ps", "-q", "--filter", `label=bot-bottle.slug=${slug}`).split("\n")
    disk.fill()
    expect(disk.available()).toBe(0)
    await expect.poll(() => docker("logs", box)).toMatch(/refused\n.*internal error/s)
    const refused = await cli.run(["start", "quick", "--headless", "--prompt", "x"], { env })
    expect([refused.code, refused.stderr]).toEqual([125, expect.stringMatching(/no space/i)])
    disk.free()
    await expect.poll(() => docker("logs", box)).toContain("after")
    expect((await listed(cli, env)).map((row) => [row["slug"], row["state"]])).toEqual([[slug, "running"]])
    expect((await cli.run(["provenance", "verify", slug], { env })).stdout).toMatch(/^ok: /)
    expect(await cli.run(["start", "quick", "--headless", "--prompt", "x"], { env })).toMatchObject({
      code: 0,
      stdout: "quick\n",
    })
    expect(await cli.run(["freeze", slug], { env })).toMatchObject({ code: 0 })
    expect((await running.result).code).toBeGreaterThan(0)
    expect((await cli.run(["logs", slug], { env })).stdout).toMatch(/^before\nrefused\n.*after\n$/s)
  })
})

describeDocker("a database that another process holds", () => {
  const cli = makeCli()
  beforeAll(async () => {
    cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\n`)
    cli.write("agents/quick.md", shellAgent("echo quick"))
    await listed(cli)
  })
  afterAll(() => destroyAll(cli))

  it("is waited for: start, list and destroy go on when it is free", async () => {
    const holder = new Database(join(cli.home, "bot-bottle.db"))
    const held = async <A>(work: () => Promise<A>): Promise<A> => {
      holder.exec("BEGIN EXCLUSIVE")
      const timer = setTimeout(() => holder.exec("COMMIT"), 3000)
      return work().finally(() => clearTimeout(timer))
    }
    const { code, stderr } = await held(() => cli.run(["start", "quick", "--headless", "--prompt", "x"]))
    expect([stderr, code]).toEqual([stderr, 0])
    expect(await held(() => listed(cli))).toMatchObject([{ state: "exited" }])
    if (holder.inTransaction) holder.exec("COMMIT")
    expect(await held(() => cli.run(["destroy", slugIn(stderr)]))).toMatchObject({ code: 0 })
    holder.close()
  })
})

describe.skipIf(faketime === undefined)("a wrong clock", () => {
  describeDocker("on a real engine", () => {
    const cli = makeCli()
    beforeAll(async () => {
      cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\n`)
      cli.write("agents/keeper.md", shellAgent('echo "$BOT_BOTTLE_RUN" >>runs; cat runs'))
      cli.write("agents/napper.md", shellAgent("echo up; exec sleep 600"))
    })
    afterAll(() => destroyAll(cli))

    it("one that was turned back a day between the runs loses nothing", async () => {
      const first = await cli.run(["start", "keeper", "--headless", "--prompt", "x"], { env: clockAt("+1d") })
      const slug = slugIn(first.stderr)
      expect(first).toMatchObject({ code: 0, stdout: "1\n" })
      expect(await cli.run(["freeze", slug], { env: clockAt("-1d") })).toMatchObject({ code: 0 })
      const second = await cli.run(["resume", slug, "--headless", "--prompt", "x"], { env: clockAt("-1d") })
      expect(second).toMatchObject({ code: 0, stdout: "1\n2\n" })
      expect(await listed(cli)).toMatchObject([{ slug, state: "exited", run: 2 }])
      expect((await cli.run(["provenance", "verify", slug])).code).toBe(0)
      expect(await cli.run(["destroy", slug])).toMatchObject({ code: 0 })
    })

    it("one that runs days ahead takes no lease from a live command, and gc leaves a bottle that works alone", async () => {
      const running = cli.start(["start", "napper", "--headless", "--prompt", "x"])
      await expect.poll(running.stdout).toContain("up")
      const slug = slugIn(running.stderr())
      expect(await cli.run(["gc", "--json"], { env: clockAt("+30d") })).toMatchObject({
        code: 0,
        stdout: "[]\n",
      })
      expect(await listed(cli, clockAt("+30d"))).toMatchObject([{ slug, state: "running" }])
      expect(await cli.run(["stop", slug], { env: clockAt("+30d") })).toMatchObject({ code: 0 })
      expect((await running.result).code).toBeGreaterThan(128)
    })
  })
})
