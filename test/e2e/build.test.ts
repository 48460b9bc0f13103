/** A bottle whose image is built at its launch, as an operator has it: on a terminal, and when the build fails. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { bin, makeCli, shellAgent } from "../support/cli.ts"
import { docker } from "../support/docker.ts"
import { demoImageForTests } from "../support/images.ts"
import { describeTerminal, openTerminal } from "../support/terminal.ts"

const cli = makeCli()
const context = join(cli.home, "bottles", "box")
const images = (): ReadonlyArray<string> =>
  docker("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", `label=bot-bottle.build=${context}`)
    .split("\n")
    .filter((name) => name !== "")

describeTerminal("a bottle whose image is built", () => {
  beforeAll(async () => {
    mkdirSync(context, { recursive: true })
    writeFileSync(join(context, "greeting"), "hello of the box\n")
    writeFileSync(
      join(context, "Dockerfile"),
      `FROM ${await demoImageForTests()}\nRUN echo mixing the glass\nCOPY greeting /greeting\n`,
    )
    cli.write("bottles/box.yaml", "build: ./box\n")
    cli.write("agents/greeter.md", shellAgent("cat /greeting", "box"))
  })
  afterAll(async () => {
    for (const { slug } of JSON.parse((await cli.run(["list", "--json"])).stdout))
      await cli.run(["destroy", slug])
    if (images().length > 0) docker("image", "rm", "--force", ...images())
    cli.remove()
  })

  it("nothing is built by a dry run, which tells what would be", async () => {
    const { code, stdout } = await cli.run(["start", "greeter", "--headless", "--prompt", "x", "--dry-run"])
    expect(code).toBe(0)
    expect(stdout).toContain(`built of ${context} (pull: missing)`)
    expect(images()).toEqual([])
  })

  it("on a terminal its steps are told as they are taken; its image stays for the next", async () => {
    const terminal = openTerminal(cli.cwd, { BOT_BOTTLE_HOME: cli.home, HOME: cli.cwd })
    try {
      terminal.line(`${process.execPath} ${bin} start greeter --headless --prompt x; echo "code=$?"`)
      const screen = await terminal.shows(/code=\d/)
      expect(screen).toMatch(
        /building the image of [\s\S]*build: .*RUN echo mixing[\s\S]*build: .*COPY greeting/,
      )
      expect(screen).toMatch(/^hello of the box$/m)
      expect(screen).toContain("code=0")
    } finally {
      terminal.close()
    }
    expect(images()).toHaveLength(2)
  })

  it("a build that fails ends with 125 and its last lines; nothing is left of the bottle", async () => {
    cli.write("bottles/bad.yaml", "build: { context: ./box, dockerfile: Bad }\n")
    writeFileSync(
      join(context, "Bad"),
      `FROM ${await demoImageForTests()}\nRUN echo the glass broke >&2; exit 3\n`,
    )
    const before = (await cli.run(["list", "--json"])).stdout
    const steps = () => docker("ps", "-a", "--no-trunc", "--format", "{{.Command}}").match(/the glass broke/g)
    const left = steps()
    const { code, stderr } = await cli.run([
      "start",
      "greeter",
      "--bottle",
      "bad",
      "--headless",
      "--prompt",
      "x",
    ])
    expect(code).toBe(125)
    expect(stderr).toMatch(
      /bot-bottle: docker: build of .* failed: .*exit 3.*; its last lines:[\s\S]*\| the glass broke/,
    )
    expect((await cli.run(["list", "--json"])).stdout).toBe(before)
    expect(steps()).toEqual(left)
  })

  it("Ctrl-C ends a build, and what it is at; nothing is left of the bottle", async () => {
    cli.write("bottles/slow.yaml", "build: { context: ./box, dockerfile: Slow }\n")
    const mark = `slowly-${process.pid}`
    writeFileSync(
      join(context, "Slow"),
      `FROM ${await demoImageForTests()}\nRUN echo ${mark} && exec sleep 300\n`,
    )
    const before = (await cli.run(["list", "--json"])).stdout
    const running = () => docker("ps", "--no-trunc", "--format", "{{.Command}}")
    const { child, result } = cli.start([
      "start",
      "greeter",
      "--bottle",
      "slow",
      "--headless",
      "--prompt",
      "x",
    ])
    await expect.poll(running).toContain(mark)
    child.kill("SIGINT")
    expect((await result).code).toBe(130)
    await expect.poll(running).not.toContain(mark)
    expect((await cli.run(["list", "--json"])).stdout).toBe(before)
  })
})
