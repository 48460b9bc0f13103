import { Command } from "@effect/cli"
import { HashMap } from "effect"
import { expect, it } from "vitest"
import { rendered } from "../../src/cli/output.ts"
import { ROOT, rootHelp, withoutHelpFlag } from "../../src/cli/help.ts"
import { root } from "../../src/cli/root.ts"
import { makeCli } from "../support/cli.ts"

it("help names every command there is but the sidecar's, which is not for people", () => {
  const told = Object.values(ROOT)
    .flat()
    .map(([name]) => name.split(" ")[0])
  const there = [...HashMap.keys(Command.getSubcommands(root))].filter((name) => name !== "sidecar")
  expect(new Set(told)).toEqual(new Set(there))
})

it("help fits 110 columns, and is the same with and without the flag", async () => {
  expect(
    Math.max(
      ...rendered(rootHelp())
        .split("\n")
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(110)
  const cli = makeCli()
  for (const args of [[], ["--help"], ["-h"], ["help"]]) {
    const { stdout, stderr, code } = await cli.run(args)
    expect([stdout, stderr, code]).toEqual([`${rendered(rootHelp())}\n`, "", 0])
  }
  cli.remove()
})

it("help is not mistaken for an argument of a command", () => {
  const kept = (...args: ReadonlyArray<string>) => withoutHelpFlag(["node", "bin", ...args]).slice(2)
  expect(kept("orchestrate", "--help")).toEqual(["orchestrate"])
  expect(kept("start", "--help")).toEqual(["start", "--help"])
  expect(kept("start", "help")).toEqual(["start", "help"])
  expect(kept("orchestrate", "start", "--help")).toEqual(["orchestrate", "start", "--help"])
})

it("nothing that goes into a pipe has colours", async () => {
  const cli = makeCli()
  for (const args of [
    ["start", "--help"],
    ["orchestrate"],
    ["start", "--frobnicate"],
    ["frobnicate"],
    ["list"],
  ]) {
    const { stdout, stderr } = await cli.run(args)
    expect(stdout + stderr).not.toContain("\u001b")
    expect(stdout + stderr).not.toBe("")
  }
  cli.remove()
})

it("an option that there is not is no agent's name", async () => {
  const cli = makeCli()
  const { stderr, code } = await cli.run(["start", "--frobnicate"])
  expect([code, stderr]).toEqual([2, expect.stringMatching(/invalid option: there is no --frobnicate/)])
  cli.remove()
})

it("completions are made for each shell", async () => {
  const cli = makeCli()
  for (const shell of ["sh", "bash", "fish", "zsh"]) {
    const { stdout, code } = await cli.run(["--completions", shell])
    expect([code, stdout]).toEqual([0, expect.stringContaining("bot-bottle")])
  }
  cli.remove()
})
