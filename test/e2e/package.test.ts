/** The packed tarball, installed word for word as docs/library.md says, in an empty folder: its bin, and every complete snippet of the documents. */
import { execFile, spawn } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
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

/** Runs node until it prints `last`, and interrupts it then. */
const runUntil = (args: ReadonlyArray<string>, env: Record<string, string>, last: string) =>
  new Promise<{ code: number | null; output: string }>((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, BOT_BOTTLE_HOME: home, ...env },
    })
    let output = ""
    const hear = (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes(last)) child.kill("SIGINT")
    }
    child.stdout.on("data", hear)
    child.stderr.on("data", hear)
    child.on("close", (code) => resolve({ code, output }))
  })

const read = (file: string) => readFileSync(join(checkout, file), "utf8")

/** The fenced blocks of a language. */
const blocks = (markdown: string, language: string): ReadonlyArray<string> =>
  [...markdown.matchAll(/^```(\w+)\n(.*?)^```/gms)].flatMap(([, of, block = ""]) =>
    of === language ? [block] : [],
  )

const section = (markdown: string, title: string): string =>
  markdown.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? ""

/** Snippets that stand for themselves, by file: those that import what they use. */
const snippets = ["README.md", "docs/library.md"].flatMap((file) =>
  blocks(read(file), "ts")
    .filter((block) => block.startsWith("import "))
    .map((block, at) => ({ name: `${file.replace(/\W/g, "-")}-${at + 1}`, block })),
)

const compile = () => run("npx", ["tsc"])

beforeAll(async () => {
  forge = await startForge()
  const install = section(read("docs/library.md"), "Install")
  const [inTheClone = "", inTheProject = ""] = blocks(install, "sh")
  const packed = await run("sh", ["-ec", inTheClone], {}, checkout)
  expect(packed.code, packed.stderr).toBe(0)
  const tarball = packed.stdout.trim().split("\n").at(-1) ?? ""
  expect(inTheProject).toContain(`./${tarball} `)
  renameSync(join(checkout, tarball), join(folder, tarball))
  const installed = await run("sh", ["-ec", inTheProject])
  expect(installed.code, installed.stderr).toBe(0)
  writeFileSync(join(folder, "tsconfig.json"), blocks(install, "json").join(""))
  for (const [path, content] of [
    ["agents/worker.md", shellAgent("forge read-issue 17; forge signal-done success ok")],
    ["agents/hello.md", shellAgent("echo hello from the bottle")],
    ["bottles/plain.yaml", "backend: host\n"],
  ] as const) {
    mkdirSync(join(home, path, ".."), { recursive: true })
    writeFileSync(join(home, path), content)
  }
}, 600_000)
afterAll(async () => {
  await forge.stop()
  rmSync(folder, { recursive: true, force: true })
})

it("shares one effect with the program that installs it", async () => {
  const { stdout } = await run("npm", ["ls", "effect", "--all", "--json"])
  const versions = new Set([...stdout.matchAll(/"effect": \{\s*"version": "([^"]+)"/g)].map(([, one]) => one))
  expect([...versions]).toEqual([JSON.parse(read("node_modules/effect/package.json")).version])
})

it("has no link of its documents that leads nowhere, and takes each command line in them", async () => {
  const root = join(folder, "node_modules/bot-bottle")
  const { code, stdout, stderr } = await run(process.execPath, ["scripts/check-docs.mjs", root], {}, checkout)
  expect([code, stderr]).toEqual([0, ""])
  expect(stdout).toMatch(/^links are right, and \d\d+ command lines\n$/)
})

it("starts a bottle from a manifest of one's own", async () => {
  const bin = join(folder, "node_modules/.bin/bot-bottle")
  const result = await run(bin, ["start", "hello", "--headless", "--prompt", "x"])
  expect(result).toMatchObject({ code: 0, stdout: "hello from the bottle\n" })
})

describe("the snippets of README and docs/library.md", () => {
  beforeAll(async () => {
    for (const { name, block } of snippets) writeFileSync(join(folder, `${name}.ts`), block)
    const compiled = await compile()
    expect(compiled.stdout + compiled.stderr).toBe("")
  })

  it("are found in both", () => {
    expect(new Set(snippets.map(({ name }) => name.replace(/-\d+$/, "")))).toEqual(
      new Set(["README-md", "docs-library-md"]),
    )
  })

  it.each(snippets)("$name runs", async ({ name }) => {
    const result = await run(process.execPath, [`${name}.js`])
    expect(result.code, result.stderr).toBe(0)
  })

  it("do what the documents say: the bottles that they started are frozen", async () => {
    const { stdout } = await run(join(folder, "node_modules/.bin/bot-bottle"), ["list", "--json"])
    const frozen = (JSON.parse(stdout) as ReadonlyArray<{ label: string; state: string }>).filter(
      ({ state }) => state === "frozen",
    )
    expect(frozen.map(({ label }) => label).toSorted()).toEqual(["from-code", "hello-2", "in-steps"])
  })
})

/** A project as strict as ours, with these files. */
const strictProject = (include: string) =>
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "es2022",
        module: "nodenext",
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        rewriteRelativeImportExtensions: true,
        skipLibCheck: true,
        types: ["node"],
      },
      include: [include],
    }),
  )

it("compiles examples/orchestrator.ts in a strict project, and the program carries an issue to its frozen bottle", async () => {
  cpSync(join(folder, "node_modules/bot-bottle/examples/orchestrator.ts"), join(folder, "orchestrator.ts"))
  strictProject("orchestrator.ts")
  const compiled = await compile()
  expect(compiled.stdout).toBe("")
  const number = await Effect.runPromise(
    forge.forge
      .as("ada")
      .openIssue(
        { owner: "ada", repo: "cellar" },
        { title: "The window", labels: ["bot-bottle:worker"], assignees: ["bot"] },
      ),
  )
  const { code, output } = await runUntil(
    ["orchestrator.js"],
    { FORGE_API: forge.env.FORGE_GITEA_API, FORGE_TOKEN: forge.env.FORGE_GITEA_TOKEN, REPOSITORIES: "ada/*" },
    `"issueNumber":${number}},"operation":"Freeze","_tag":"Ended"`,
  )
  expect(output).not.toContain('"problem"')
  expect(code).toBe(0)
})

it("compiles examples/extend in a strict project, and its program runs with sidecars of its own bin", async () => {
  cpSync(join(checkout, "examples/extend"), join(folder, "extend"), {
    recursive: true,
    filter: (path) => !path.endsWith(".test.ts"),
  })
  strictProject("extend")
  const compiled = await compile()
  expect(compiled.stdout).toBe("")
  const result = await run(process.execPath, ["extend/main.js"])
  expect(result.stdout).toContain("6 words\n")
  expect(result.stdout).toContain("refused with 3\n")
  expect(result.stdout).toContain("[ [ 'POST /ada/cellar/issues/17/comments', 'It is measured.\\n' ] ]")
  expect(result.code, result.stderr).toBe(0)
})
