/** Commands whose reader has gone, as with `| head`: they end in order, and say nothing of it. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { sidecarsOf } from "../support/faults.ts"

const cli = makeCli()
beforeAll(() => {
  cli.write("bottles/none.yaml", "backend: host\n")
  cli.write("agents/talker.md", shellAgent("while :; do echo line; done", "none"))
})
afterAll(async () => {
  for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout))
    await cli.run(["destroy", slug])
  cli.remove()
})

it("a start whose reader has gone stops its bottle and keeps it", async () => {
  const started = cli.start(["start", "talker", "--headless", "--prompt", "x"])
  await expect.poll(started.stdout).toContain("line")
  started.child.stdout?.destroy()
  expect((await started.result).code).toBe(141)
  expect(started.stderr()).not.toMatch(/EPIPE|\n {4}at /)
  const slug = /^bottle (\S+)$/m.exec(started.stderr())?.[1] ?? "none"
  expect(JSON.parse((await cli.run(["list", "--json"])).stdout)).toMatchObject([{ slug, state: "exited" }])
  expect(sidecarsOf(cli, slug)).toEqual([])
})

it("a command that prints once, and --version, end with 141 and without a word", async () => {
  for (const args of [["list", "--json"], ["list"], [], ["--version"], ["orchestrate"]]) {
    const started = cli.start(args)
    started.child.stdout?.destroy()
    const { code, stderr } = await started.result
    expect([args, code, stderr]).toEqual([args, 141, ""])
  }
})
