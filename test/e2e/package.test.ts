/** The packed tarball, installed in another folder: the bin runs a manifest of one's own, and the example compiles and runs. */
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { shellAgent } from "../support/cli.ts"
import { startForge } from "../support/forge.ts"

const checkout = new URL("../..", import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), "bb-pack-"))
const home = join(folder, "home")
let forge: Awaited<ReturnType<typeof startForge>>

/** Waits without blocking: a worker that is deaf for a minute is given up by its runner. */
const run = (
  command: string,
  args: ReadonlyArray<string>,
  env: Record<string, string> = {},
  cwd = folder,
): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    execFile(
      command,
      args,
      { cwd, env: { ...process.env, BOT_BOTTLE_HOME: home, ...env } },
      (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    )
  })

beforeAll(async () => {
  forge = await startForge()
  const packed = await run("npm", ["pack", "--silent", "--pack-destination", folder], {}, checkout)
  const tarball = packed.stdout.trim().split("\n").at(-1)
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }))
  const installed = await run("npm", ["install", "--no-audit", "--no-fund", "--silent", `./${tarball}`])
  expect(installed.code, installed.stderr).toBe(0)
  for (const [path, content] of [
    ["agents/worker.md", shellAgent("forge read-issue 17; forge signal-done success ok")],
    ["bottles/plain.yaml", "backend: host\n"],
  ] as const) {
    mkdirSync(join(home, path, ".."), { recursive: true })
    writeFileSync(join(home, path), content)
  }
}, 300_000)
afterAll(async () => {
  await forge.stop()
  rmSync(folder, { recursive: true, force: true })
})

it("starts a bottle from a manifest of one's own", async () => {
  const bin = join(folder, "node_modules/.bin/bot-bottle")
  writeFileSync(join(home, "agents/hello.md"), shellAgent("echo hello from the bottle"))
  const result = await run(bin, ["start", "hello", "--headless", "--prompt", "x"])
  expect(result).toMatchObject({ code: 0, stdout: "hello from the bottle\n" })
})

it("compiles examples/orchestrator.ts in a strict project, and the program runs", async () => {
  cpSync(join(checkout, "examples/orchestrator.ts"), join(folder, "orchestrator.ts"))
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "es2022",
        module: "nodenext",
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: true,
        types: ["node"],
        typeRoots: [join(checkout, "node_modules/@types")],
      },
      include: ["orchestrator.ts"],
    }),
  )
  const compiled = await run(join(checkout, "node_modules/.bin/tsc"), ["-p", folder])
  expect(compiled.stdout).toBe("")
  const result = await run(process.execPath, ["orchestrator.js", "--once"], forge.env)
  expect(result.stdout + result.stderr).toMatch(/#17: issue-17-[a-z2-7]{5} is frozen/)
  expect(result.code).toBe(0)
}, 120_000)
