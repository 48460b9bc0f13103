/** Agents that work in the background: `start --detach`, `attach` to one of them, and `--rm`. */
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"

const cli = makeCli()
const gate = join(cli.cwd, "gate")
beforeAll(() => {
  cli.write("bottles/plain.yaml", "backend: host\n")
  cli.write(
    "agents/waiter.md",
    shellAgent(`echo before; while [ ! -e ${gate} ]; do sleep 0.1; done; echo after; exit 3`),
  )
  cli.write("agents/brief.md", shellAgent("echo brief; exit 4"))
})
afterAll(async () => {
  writeFileSync(gate, "")
  const slugs = (await cli.run(["list", "-q"])).stdout.split("\n").filter((slug) => slug !== "")
  if (slugs.length > 0) await cli.run(["destroy", ...slugs])
  cli.remove()
})

const start = (agent: string, ...more: ReadonlyArray<string>) =>
  cli.run(["start", agent, "--headless", "--prompt", "x", ...more])
const bottles = async () => JSON.parse((await cli.run(["list", "--json"])).stdout)

it("start --detach prints the slug; attach follows the output to the end, and the end is stored", async () => {
  const { code, stdout } = await start("waiter", "--detach", "--label", "quiet")
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^quiet-[a-z0-9]{5}\n$/)])
  const slug = stdout.trim()
  await expect.poll(async () => (await cli.run(["logs", slug])).stdout, { interval: 200 }).toBe("before\n")
  const attached = cli.start(["attach", "quiet"])
  await expect.poll(attached.stderr).toMatch(/is headless: .* Ctrl-C leaves it running/)
  writeFileSync(gate, "")
  const result = await attached.result
  expect([result.code, result.stdout]).toEqual([3, "after\n"])
  await expect
    .poll(async () => (await bottles())[0], { interval: 200 })
    .toMatchObject({ slug, state: "exited", exit: { code: 3 } })
  const again = await cli.run(["attach", slug])
  expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/does not run/)])
  expect((await cli.run(["destroy", slug])).code).toBe(0)
})

it("--rm destroys the bottle when its agent has ended, also in the background; what it exits with stays", async () => {
  const { code, stdout, stderr } = await start("brief", "--rm")
  expect([code, stdout]).toEqual([4, "brief\n"])
  expect(stderr).toMatch(/the bottle was destroyed, and nothing of it is kept/)
  expect(await bottles()).toEqual([])
  const slug = (await start("brief", "--rm", "-d")).stdout.trim()
  await expect.poll(bottles, { interval: 200 }).toEqual([])
  expect(existsSync(join(cli.home, "state", slug))).toBe(false)
})

it("--detach without a prompt is refused", async () => {
  const { code, stderr } = await cli.run(["start", "brief", "--detach"])
  expect([code, stderr]).toEqual([2, expect.stringMatching(/--detach needs --headless and a prompt/)])
})
