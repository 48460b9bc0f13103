// The tests and the demo on a newer node than the one that runs this, from the npm package of node: in a copy of the
// checkout, because an addon is compiled for one node. The copy stays in the temporary directory for the next time.
// Usage: npm run test:current-node [-- ARGUMENTS OF VITEST]
import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The newest release of the line that is in long-term support. */
const VERSION = "26.10.0"

const checkout = fileURLToPath(new URL("..", import.meta.url))
const root = join(tmpdir(), `bot-bottle-node-${VERSION}-${userInfo().uid}`)
const copy = join(root, "checkout")
const made = join(root, "made")

// Program and headers; the package `node` is a script that installs this one.
const release = `node-${process.platform}-${process.arch}`
const node = join(root, "node_modules", release)
// The addon is compiled with these headers: no built one is looked for, and no headers are fetched.
const addons = { npm_config_nodedir: node, npm_config_build_from_source: "true" }
const env = { ...process.env, ...addons, PATH: `${join(node, "bin")}:${process.env.PATH}` }
const run = (command, args, options = {}) => execFileSync(command, args, { stdio: "inherit", ...options })

mkdirSync(root, { recursive: true, mode: 0o700 })
if (statSync(root).uid !== userInfo().uid) {
  console.error(`${root} is another user's: remove it, or set TMPDIR`)
  process.exit(1)
}
const wanted = createHash("sha256")
  .update(readFileSync(join(checkout, "package-lock.json")))
  .digest("hex")
if (!existsSync(made) || readFileSync(made, "utf8") !== wanted) {
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true })
  run("npm", ["install", "--prefix", root, "--no-audit", "--no-fund", `${release}@${VERSION}`])
  mkdirSync(copy)
  const asTheyAre = { recursive: true, verbatimSymlinks: true }
  cpSync(join(checkout, "node_modules"), join(copy, "node_modules"), asTheyAre)
  cpSync(join(checkout, "package.json"), join(copy, "package.json"))
  run("npm", ["rebuild", "better-sqlite3"], { cwd: copy, env })
  writeFileSync(made, wanted)
}

const kept = new Set(["node_modules", "dist", ".git"])
for (const name of readdirSync(copy)) {
  if (!kept.has(name)) rmSync(join(copy, name), { recursive: true })
}
for (const name of readdirSync(checkout)) {
  if (!kept.has(name)) cpSync(join(checkout, name), join(copy, name), { recursive: true })
}

const steps = [
  ["node_modules/vitest/vitest.mjs", "run", ...process.argv.slice(2)],
  ["dist/bin/bot-bottle.cjs", "demo"],
]
for (const step of steps) {
  const { status } = spawnSync(join(node, "bin", "node"), step, { cwd: copy, env, stdio: "inherit" })
  if (status !== 0) process.exit(status ?? 1)
}
