/** The lines of `bottle/forge` that come from the table of calls. `vitest -u` writes them. */
import { describe, expect, it } from "vitest"
import { readFileSync } from "node:fs"
import { type CallUsage, FORGE_COMMANDS, commandOf } from "../../src/domain/ForgeCommands.ts"
import { packageFile } from "../../src/layers/home/packageRoot.ts"

const HELP_COLUMN = 38

const usageLine = (usage: CallUsage): string => {
  const { words = [], options = [], body, file } = usage
  return [
    "forge",
    commandOf(usage),
    ...words.map(({ shown }) => shown),
    ...(file === undefined ? [] : [file]),
    ...options.map(({ name, shown, optional }) =>
      optional === true ? `[--${name} ${shown}]` : `--${name} ${shown}`,
    ),
    ...(body === undefined ? [] : ["< BODY"]),
  ].join(" ")
}

const helpLine = (line: string, help: string): string => {
  const left = `  ${line}`
  return left.length < HELP_COLUMN - 1
    ? `${left.padEnd(HELP_COLUMN)}${help}`
    : `${left}\n${" ".repeat(HELP_COLUMN)}${help}`
}

const parametersOf = ({ words = [], options = [], body, file }: CallUsage): string =>
  [
    ...words.map(({ name, number }) => (number === true ? `${name}#` : name)),
    ...(file === undefined ? [] : [">"]),
    ...options.map(({ name, optional }) => (optional === true ? `[--${name}]` : `--${name}`)),
    ...(body === undefined ? [] : ["<"]),
  ].join(" ")

const generated = `usage() {
  cat <<'HELP'
usage: forge COMMAND

${FORGE_COMMANDS.map((usage) => helpLine(usageLine(usage), usage.help)).join("\n")}
${helpLine("forge call COMMAND [NAME=VALUE]... [-]", "any other command of this neck; - sends standard input as its text")}

Exit: 0 ok; 1 an error, told on standard error; 2 wrong usage; 3 a write outside what this run may write.
HELP
}

parameters_of() {
  case $1 in
${FORGE_COMMANDS.map((usage) => `    ${commandOf(usage)}) parameters='${parametersOf(usage)}' ;;`).join("\n")}
    *) return 1 ;;
  esac
}
`

describe("the forge script", () => {
  it("knows the commands of the table of calls, and explains each as the table does", async () => {
    const path = packageFile("bottle", "forge")
    const [before = "", after = ""] = readFileSync(path, "utf8").split(
      /(?<=is standard input\.\n)[\s\S]*(?=# end\n)/,
    )
    expect(before).toContain("#!/bin/sh")
    expect(after).toContain("# end")
    await expect(`${before}${generated}${after}`).toMatchFileSnapshot(path)
  })
})
