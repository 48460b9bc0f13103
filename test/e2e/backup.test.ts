/** A back-up with the images of frozen bottles, restored where the engine has none of them. */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { describeDocker } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"

const docker = (...args: ReadonlyArray<string>): string => execFileSync("docker", args, { encoding: "utf8" })

describeDocker("a back-up with images", () => {
  it("restored onto an empty home and engine, a frozen bottle resumes", async () => {
    const cli = makeCli()
    try {
      cli.write("bottles/plain.yaml", `image: ${await demoImageForTests()}\n`)
      cli.write("agents/keeper.md", shellAgent(`cat kept 2>/dev/null || echo "from run 1" >kept`))
      const started = await cli.run(["start", "keeper", "--headless", "--prompt", "x"])
      const slug = /^bottle (\S+)$/m.exec(started.stderr)?.[1] ?? "no-slug"
      expect(await cli.run(["freeze", slug])).toMatchObject({ code: 0 })
      const file = join(cli.cwd, "home.tar")
      const { stdout } = await cli.run(["backup", file, "--images", "--json"])
      expect(JSON.parse(stdout)).toMatchObject({ images: [{ backend: "docker", file: "0.tar" }] })
      expect(await cli.run(["destroy", slug])).toMatchObject({ code: 0 })
      expect(docker("images", "-q", "--filter", `reference=*/*:${slug}*`)).toBe("")

      const other = { env: { BOT_BOTTLE_HOME: join(cli.cwd, "restored") } }
      expect(await cli.run(["restore", file], other)).toMatchObject({ code: 0 })
      const resumed = await cli.run(["resume", slug, "--headless", "--prompt", "y"], other)
      expect([resumed.code, resumed.stdout]).toEqual([0, "from run 1\n"])
      expect(await cli.run(["destroy", slug], other)).toMatchObject({ code: 0 })
    } finally {
      cli.remove()
    }
  })
})
