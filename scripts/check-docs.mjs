// Every relative link of README and docs leads to a file and a heading that exist, and every command line of bot-bottle in them is one
// that the bin takes.
// Usage: node scripts/check-docs.mjs [--links | FOLDER]   (FOLDER: an unpacked package; --links: no command lines, for a checkout)
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { commandsOf, linkProblems } from "./documents.mjs"

const [what = "."] = process.argv.slice(2)
const root = what === "--links" ? "." : what
const problems = linkProblems(root)
const commands = what === "--links" ? [] : commandsOf(root)

if (commands.length > 0) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "dist/bin/bot-bottle.cjs"), "__check"],
    { input: commands.map(({ words }) => `${JSON.stringify(words)}\n`).join(""), encoding: "utf8" },
  )
  const answers = stdout.split("\n").slice(0, -1)
  if (status !== 0 || answers.length !== commands.length)
    problems.push(`the bin does not check lines: ${stderr}`)
  answers.forEach((answer, at) => {
    const { document, words, isWhole } = commands[at]
    // A command that is only named may have no arguments, or dots for them.
    const isNamed = !isWhole && /(?: is missing| is required|^unexpected argument "\.{3}")$/.test(answer)
    if (answer !== "" && !isNamed) problems.push(`${document}: bot-bottle ${words.join(" ")}: ${answer}`)
  })
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
console.log(`links are right${commands.length === 0 ? "" : `, and ${commands.length} command lines`}`)
