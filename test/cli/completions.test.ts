import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { makeCli } from "../support/cli.ts"

const cli = makeCli()
afterAll(cli.remove)

/** What bash offers after these words; the last one is completed. */
const offered = (script: string, ...words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const ask = `. "$0"; name=$1; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    complete -p "$name" >/dev/null && _bot-bottle_bash_completions "$name" && printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync("bash", ["-c", ask, script, "bot-bottle", ...words], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "")
}

it("bash completes commands, those of a group, and the options of each", async () => {
  const script = join(cli.cwd, "completions.bash")
  writeFileSync(script, (await cli.run(["--completions", "bash"])).stdout)
  expect(offered(script, "st")).toEqual(["start", "stop"])
  expect(offered(script, "start", "--co")).toEqual(["--color", "--copy-cwd", "--completions"])
  expect(new Set(offered(script, "orchestrate", "st"))).toEqual(new Set(["start", "status"]))
  expect(offered(script, "orchestrate", "start", "--ag")).toEqual(["--agent"])
})
