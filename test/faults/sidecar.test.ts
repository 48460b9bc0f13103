/** The sidecar dies under a working agent. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { sidecarsOf } from "../support/faults.ts"
import { startForge } from "../support/forge.ts"
import { demoImageForTests } from "../support/images.ts"

describeDocker("a sidecar that is killed", () => {
  const cli = makeCli()
  let forge: Awaited<ReturnType<typeof startForge>>
  let slug = "no-slug"

  beforeAll(async () => {
    forge = await startForge()
    cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\n`)
    cli.write(
      "agents/caller.md",
      shellAgent(`until forge read-issue 17 >/dev/null 2>&1; do sleep 0.2; done; echo first
        i=0; while [ $i -lt 25 ]; do i=$((i + 1)); forge read-issue 17 >/dev/null 2>&1; sleep 0.2; done
        forge read-issue 17 >/dev/null && echo again`),
    )
  })
  afterAll(async () => {
    await cli.run(["destroy", slug])
    cli.remove()
    await forge.stop()
  })

  it("is launched again, and the agent's forge calls go on", async () => {
    const args = ["orchestrate", "start", "--agent", "caller", "--prompt", "x"]
    const running = cli.start(args, { env: forge.env })
    await expect.poll(running.stdout).toContain("first")
    slug = /^bottle (\S+)$/m.exec(running.stderr())?.[1] ?? "no-slug"
    const sidecars = sidecarsOf(cli, slug)
    expect(sidecars).toHaveLength(1)
    for (const pid of sidecars) process.kill(pid, "SIGKILL")
    const { code, stdout, stderr } = await running.result
    expect([stderr, code, stdout]).toEqual([stderr, 0, "first\nagain\n"])
    expect(stderr).toMatch(/sidecar of bottle .* has died; launching it again/)
    expect((await cli.run(["provenance", "verify", slug])).stdout).toMatch(/^ok: /)
    expect(await cli.run(["destroy", slug])).toMatchObject({ code: 0 })
    expect(sidecarsOf(cli, slug)).toEqual([])
  })
})
