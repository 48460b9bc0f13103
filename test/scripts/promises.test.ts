/** The check of docs/security.md: a promise without a test, or with one that is not there, fails it. */
import { execFileSync, spawnSync } from "node:child_process"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"

const checkout = fileURLToPath(new URL("../..", import.meta.url))
const changed = `docs/security.changed-${process.pid}.md`
const original = readFileSync(`${checkout}docs/security.md`, "utf8")

const check = (document: string) => {
  writeFileSync(`${checkout}${changed}`, document)
  return spawnSync(process.execPath, ["scripts/check-promises.mjs", changed], {
    cwd: checkout,
    encoding: "utf8",
  })
}

afterAll(() => rmSync(`${checkout}${changed}`, { force: true }))

describe("the check of promises", () => {
  it("passes for the document as it is", () => {
    const said = execFileSync(process.execPath, ["scripts/check-promises.mjs"], { cwd: checkout })
    expect(said.toString()).toMatch(/^\d+ promises, each with a test\n$/)
  })

  it.each([
    ["has no test", (row: string) => row.replace(/\| [^|]* \|$/, "| none yet |"), "has no test"],
    [
      "names a test that is gone",
      (row: string) => row.replace(/\): [^<|]*/, "): a test of old "),
      "no such test",
    ],
    [
      "names a file that is gone",
      (row: string) => row.replace(/\]\([^)]*\)/, "](../test/no.test.ts)"),
      "no such file",
    ],
    ["stands twice", (row: string) => `${row}\n${row}`, "stands twice"],
  ])("fails for a promise that %s", (_, change, reason) => {
    const result = check(original.replace(/^\| 1 \|.*$/m, change))
    expect(result.status).toBe(1)
    expect(result.stderr).toContain(`promise 1`)
    expect(result.stderr).toContain(reason)
  })

  it("fails for a document without promises", () => {
    expect(check("# Security\n").status).toBe(1)
  })
})
