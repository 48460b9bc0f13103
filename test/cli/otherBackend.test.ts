/** Commands that take --backend, on a bottle that another backend made; and what they say of bottles that are not there. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"

const cli = makeCli()
cli.write("bottles/plain.yaml", "backend: host\n")
cli.write("agents/sleeper.md", shellAgent("echo asleep; exec sleep 600"))
cli.write("agents/greeter.md", shellAgent("echo hello"))
afterAll(async () => {
  for (const { slug } of await list()) await cli.run(["destroy", slug])
  cli.remove()
})

const list = async (): Promise<ReadonlyArray<{ readonly slug: string; readonly state: string }>> =>
  JSON.parse((await cli.run(["list", "--json"])).stdout)
const slugIn = (stderr: string): string => /^bottle (\S+)$/m.exec(stderr)?.[1] ?? "no-slug"

describe("another --backend than the bottle's own", () => {
  it("is refused by every command that takes one, and the agent works on", async () => {
    const running = cli.start(["start", "sleeper", "--headless", "--prompt", "x"])
    await expect.poll(running.stdout).toContain("asleep")
    const slug = slugIn(running.stderr())
    const commands = [["destroy"], ["freeze"], ["resume", "--headless", "--prompt", "x"]]
    for (const [command = "", ...more] of commands) {
      for (const [backend, name] of [
        ["docker", "docker"],
        ["smolmachines", "smolvm"],
      ] as const) {
        const refused = await cli.run([command, slug, ...more, "--backend", backend])
        expect([command, refused.code, refused.stderr]).toEqual([
          command,
          2,
          expect.stringContaining(`belongs to backend host, not to ${name}`),
        ])
      }
      const unknown = await cli.run([command, slug, ...more, "--backend", "cloud"])
      expect([command, unknown.code, unknown.stderr]).toEqual([
        command,
        125,
        expect.stringMatching(/no backend "cloud"/),
      ])
    }
    expect(await list()).toMatchObject([{ slug, state: "running" }])
    const pid = JSON.parse(
      readFileSync(join(cli.home, "state", slug, "host/control/runner.json"), "utf8"),
    ).pid
    expect(existsSync(`/proc/${pid}`)).toBe(true)

    expect(await cli.run(["destroy", slug, "--backend", "host"])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`${slug} is destroyed`),
    })
    const { stderr } = await running.result
    expect(stderr).toMatch(/the bottle was destroyed, and nothing of it is kept/)
    expect(stderr).not.toMatch(/the bottle is kept|bot-bottle logs/)
    expect([existsSync(`/proc/${pid}`), await list()]).toEqual([false, []])
  })
})

describe("a command on a bottle of which nothing runs", () => {
  it("says so, and not that it did something", async () => {
    expect(await cli.run(["stop", "never-was"])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/no bottle "never-was" is known: nothing was stopped/),
    })
    expect(await cli.run(["destroy", "never-was", "--backend", "host"])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/no bottle "never-was" is known/),
    })
    const slug = slugIn((await cli.run(["start", "greeter", "--headless", "--prompt", "x"])).stderr)
    expect((await cli.run(["stop", slug])).stderr).toMatch(/is stopped: .*freeze/)
    expect((await cli.run(["freeze", slug])).code).toBe(0)
    const stopped = await cli.run(["stop", slug])
    expect(stopped.stderr).toMatch(/is frozen and does not run/)
    expect(stopped.stderr).not.toMatch(/is stopped|"bot-bottle freeze/)
  })
})
