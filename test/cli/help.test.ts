import { Either } from "effect"
import { expect, it } from "vitest"
import { ROOT, helpOf, rootHelp } from "../../src/cli/help.ts"
import { EXAMPLES } from "../../src/cli/line/examples.ts"
import { readLine } from "../../src/cli/line/read.ts"
import { type CommandInfo, isForPeople } from "../../src/cli/line/tree.ts"
import { rendered } from "../../src/cli/output.ts"
import { tree } from "../../src/cli/root.ts"
import { makeCli } from "../support/cli.ts"

const all = (command: CommandInfo): ReadonlyArray<CommandInfo> => [command, ...command.children.flatMap(all)]
const commands = all(tree).filter(isForPeople)
const nameOf = ({ path }: CommandInfo) => path.join(" ")

it("help names every command there is but the sidecar's, which is not for people", () => {
  const told = Object.values(ROOT)
    .flat()
    .map(([term]) => term.replace(/( \[?[A-Z:.]+\]?)+$/, ""))
  const leaves = commands.filter(({ children }) => children.length === 0).map(nameOf)
  expect([...told].sort()).toEqual([...leaves].sort())
  expect(commands.length).toBeGreaterThan(25)
})

it("help of each command fits 100 columns by 50 rows, and has its options, a default and an example", () => {
  for (const command of commands) {
    const text = rendered(helpOf(command))
    const lines = text.split("\n")
    expect([
      nameOf(command),
      lines.length <= 50,
      Math.max(...lines.map(({ length }) => length)) <= 100,
    ]).toEqual([nameOf(command), true, true])
    expect(text).toMatch(/^Usage: bot-bottle/)
    expect(text).toContain("Examples:\n  bot-bottle ")
    // Of a group those of its commands are not shown.
    for (const { names, about } of command.options) {
      expect(about).not.toBe("")
      expect(text).toMatch(new RegExp(`^ +(-., )?${names[0]}\\b`, "m"))
    }
    for (const { name } of command.arguments) expect(text).toMatch(new RegExp(`^  ${name}  `, "m"))
  }
  const start = rendered(helpOf(commands.find((command) => nameOf(command) === "start") ?? tree))
  expect(start).toMatch(/--pull always\|missing\|never {2}.*\(default: missing\)/)
  expect(start).not.toMatch(/user-defined piece of text/)
})

it("each example is a command line that its command takes", () => {
  expect(new Set(Object.keys(EXAMPLES))).toEqual(new Set(commands.map(nameOf)))
  for (const [name, examples] of Object.entries(EXAMPLES)) {
    for (const example of examples) {
      expect(example.startsWith(name)).toBe(true)
      const words = (example.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll(/["']/g, ""))
      expect([example, Either.isRight(readLine(tree, words))]).toEqual([example, true])
    }
  }
})

it("help is the same with and without the flag, as a command, and anywhere on the line", async () => {
  const cli = makeCli()
  const shown = async (...args: ReadonlyArray<string>) => {
    const { stdout, stderr, code } = await cli.run(args)
    expect([args, stderr, code]).toEqual([args, "", 0])
    return stdout
  }
  for (const args of [[], ["--help"], ["-h"], ["help"]]) {
    expect(await shown(...args)).toBe(`${rendered(rootHelp())}\n`)
  }
  const list = await shown("list", "--help")
  expect(list).toMatch(/^Usage: bot-bottle list \[OPTIONS\]\n/)
  for (const args of [
    ["list", "--json", "--help"],
    ["--help", "list"],
    ["help", "ps"],
    ["list", "--frobnicate", "-h"],
  ]) {
    expect(await shown(...args)).toBe(list)
  }
  expect(await shown("orchestrate", "--help")).toBe(await shown("orchestrate"))
  expect(await shown("help", "orchestrate", "status")).toBe(await shown("orchestrate", "status", "--help"))
  cli.remove()
})

it("--version and --log-level are taken anywhere on the line", async () => {
  const cli = makeCli()
  const version = (await cli.run(["--version"])).stdout
  expect(version).toMatch(/^\d+\.\d+\.\d+\n$/)
  for (const args of [["version"], ["list", "--json", "--version"], ["--version", "list"]]) {
    expect(await cli.run(args)).toEqual({ code: 0, stdout: version, stderr: "" })
  }
  for (const args of [
    ["list", "--json", "--log-level", "error"],
    ["--log-level=error", "list", "--json"],
    ["list", "--log-level", "error", "--json"],
  ]) {
    expect(await cli.run(args)).toEqual({ code: 0, stdout: "[]\n", stderr: "" })
  }
  cli.remove()
})

it("help is not mistaken for an argument of a command", () => {
  const read = (...words: ReadonlyArray<string>) => Either.getOrThrow(readLine(tree, words))
  expect(read("start", "help")).toEqual({ _tag: "Run", argv: ["start", "--", "help"] })
  expect(read("start", "--", "--help")).toEqual({ _tag: "Run", argv: ["start", "--", "--help"] })
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

it("completions are made for each shell", async () => {
  const cli = makeCli()
  for (const shell of ["sh", "bash", "fish", "zsh"]) {
    const { stdout, code } = await cli.run(["--completions", shell])
    expect([code, stdout]).toEqual([0, expect.stringContaining("bot-bottle")])
  }
  cli.remove()
})
