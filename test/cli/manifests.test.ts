import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { Cli } from "../support/cli.ts"
import { makeCli, shellAgent } from "../support/cli.ts"

let cli: Cli
beforeEach(() => {
  cli = makeCli()
})
afterEach(() => cli.remove())

const start = (agent: string) => ["start", agent, "--backend", "host", "--headless", "--prompt", "x"]

describe("init", () => {
  it("writes examples that make a plan as they are, and never overwrites", async () => {
    const first = await cli.run(["init"])
    expect(first.code).toBe(0)
    const files = first.stdout.trim().split("\n")
    expect(files.every((file) => file.startsWith(cli.home) && existsSync(file))).toBe(true)
    const plan = await cli.run(["start", "hello", "--headless", "--prompt", "x", "--dry-run"])
    expect([plan.code, plan.stdout]).toEqual([0, expect.stringMatching(/^image +\S+/m)])
    writeFileSync(files[0] ?? "", "mine")
    const second = await cli.run(["init"])
    expect([second.code, second.stderr]).toEqual([125, expect.stringContaining(files[0] ?? "?")])
    expect(readFileSync(files[0] ?? "", "utf8")).toBe("mine")
  })
})

describe("trust", () => {
  const strangers = () => {
    mkdirSync(join(cli.cwd, ".bot-bottle/agents"), { recursive: true })
    mkdirSync(join(cli.cwd, ".bot-bottle/bottles"))
    writeFileSync(
      join(cli.cwd, ".bot-bottle/agents/local.md"),
      shellAgent("echo from the repository", "local"),
    )
    writeFileSync(join(cli.cwd, ".bot-bottle/bottles/local.yaml"), "env: {}\n")
  }

  it("is needed once for the manifests of a working directory, and again when one changes", async () => {
    strangers()
    const before = await cli.run(start("local"))
    expect([before.code, before.stderr]).toEqual([125, expect.stringContaining("bot-bottle trust")])
    expect((await cli.run(["trust", "--yes"])).code).toBe(0)
    expect((await cli.run(start("local"))).stdout).toBe("from the repository\n")
    writeFileSync(join(cli.cwd, ".bot-bottle/bottles/local.yaml"), "env: { A: b }\n")
    expect((await cli.run(start("local"))).stderr).toContain("bot-bottle trust")
  })

  it("is not given without a terminal to ask on", async () => {
    strangers()
    const { code, stderr } = await cli.run(["trust"], { input: "y\n" })
    expect([code, stderr]).toEqual([126, expect.stringContaining("there is no terminal to ask on")])
    expect(readdirSync(join(cli.cwd))).toEqual([".bot-bottle"])
    expect((await cli.run(start("local"))).code).toBe(125)
  })

  it("of a directory without manifests says so", async () => {
    expect((await cli.run(["trust", "--yes"])).code).toBe(125)
    expect((await cli.run(["trust", "/nonexistent", "--yes"])).code).toBe(125)
  })
})
