/** scripts/api-report.mjs on a small package of its own. */
import { spawnSync } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"

const checkout = new URL("../..", import.meta.url).pathname
const root = mkdtempSync(join(tmpdir(), "bb-api-"))

const write = (files: Readonly<Record<string, string>>) => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true })
    writeFileSync(join(root, path), content)
  }
}
const report = (...args: ReadonlyArray<string>) => {
  const script = join(checkout, "scripts/api-report.mjs")
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    encoding: "utf8",
  })
  return { status, said: stdout + stderr }
}
const reported = (file: string) => readFileSync(join(root, "api", file), "utf8")

beforeAll(() => {
  symlinkSync(join(checkout, "node_modules"), join(root, "node_modules"))
  const compilerOptions = { target: "es2022", module: "nodenext", declaration: true, rootDir: "src" }
  write({
    "package.json": JSON.stringify({ name: "small", version: "1.0.0", type: "module" }),
    "tsconfig.build.json": JSON.stringify({ compilerOptions, include: ["src"] }),
    "src/door.ts":
      "export interface Door { readonly wood: Wood }\nexport interface Wood { readonly age: number }\n",
    "src/base.ts": "export const makeBase = () => class { readonly height = 1 }\n",
    "src/index.ts": 'export type { Door } from "./door.js"\n',
    "src/exports/Oak.ts":
      'import { makeBase } from "../base.js"\nimport type { Wood } from "../door.js"\n' +
      "export const oak: Wood = { age: 1 }\nexport class Tree extends makeBase() {}\n",
  })
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

it("fails when a public signature mentions a type that cannot be imported, and passes when some path has it", () => {
  const failed = report("--write")
  expect(failed.status).toBe(1)
  expect(failed.said).toMatch(/^Wood can be imported from no path, and a public signature of .*door\.d\.ts/m)
  write({ "src/index.ts": 'export type { Door, Wood } from "./door.js"\n' })
  expect(report("--write")).toMatchObject({ status: 0 })
})

it("has a report for each export path, with the fields that a class has from a call", () => {
  expect(readdirSync(join(root, "api"))).toEqual(["Oak.api.md", "index.api.md"])
  expect(reported("index.api.md")).toContain("readonly wood: Wood;")
  expect(reported("Oak.api.md")).toMatch(/class Tree extends Tree_base[^]*const Tree_base: [^;]*height/)
})

it("fails when a public type changes, and when an export path comes or goes, and leaves nothing behind", () => {
  write({ "src/door.ts": readFileSync(join(root, "src/door.ts"), "utf8").replace("number", "string") })
  write({ "src/exports/Oak.ts": "export {}\n", "src/exports/Elm.ts": "export const elm = 1\n" })
  rmSync(join(root, "src/exports/Oak.ts"))
  const { status, said } = report()
  expect(status).toBe(1)
  expect(said).toMatch(/index\.api\.md differs at line \d+:\n {2}- .*age: number;\n {2}\+ .*age: string;/)
  expect(said).toContain("api/Elm.api.md is missing")
  expect(said).toContain("api/Oak.api.md is of no export path")
  expect(readdirSync(root).filter((name) => name.startsWith(".api-"))).toEqual([])
})
