// Every promise of a document (docs/security.md unless another is named) names at least one test, and each test that it names exists.
// Usage: node scripts/check-promises.mjs [FILE]
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"

const document = process.argv[2] ?? "docs/security.md"
const ROW = /^\| (\d+) \| (.*?) \| (.*) \|$/
const TEST = /\[`[^`]+`\]\(([^)]+)\): (.*?)(?=<br>|$)/g
/** The title that an `it(...)`, `it.effect(...)`, `it.each(...)(...)` or a helper of a suite gives to a test. */
const LITERAL = /"((?:\\.|[^"\\\n])*)"|'((?:\\.|[^'\\\n])*)'|`((?:\\.|[^`\\])*)`/g

const titles = new Map()
const titlesOf = (file) => {
  if (!titles.has(file)) {
    const source = readFileSync(file, "utf8")
    const found = [...source.matchAll(LITERAL)].map(([, double, single, back]) => double ?? single ?? back)
    titles.set(
      file,
      found.map((text) => text.replaceAll(/\\(.)/gs, "$1").replaceAll(/\$\{[^}]*\}/g, "%s")),
    )
  }
  return titles.get(file)
}

const problems = []
const seen = new Set()
for (const line of readFileSync(document, "utf8").split("\n")) {
  const [, number, , where] = ROW.exec(line) ?? []
  if (number === undefined) continue
  if (seen.has(number)) problems.push(`promise ${number} stands twice`)
  seen.add(number)
  const tests = [...where.matchAll(TEST)]
  if (tests.length === 0) problems.push(`promise ${number} has no test`)
  for (const [, link, title] of tests) {
    const file = join(dirname(document), link)
    const name = `${relative(".", file)}: ${title}`
    if (!existsSync(file)) problems.push(`promise ${number}: no such file: ${name}`)
    else if (!titlesOf(file).includes(title)) problems.push(`promise ${number}: no such test: ${name}`)
  }
}
if (seen.size === 0) problems.push(`${document} has no promises`)
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
console.log(`${seen.size} promises, each with a test`)
