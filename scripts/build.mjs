// dist: the library with its declarations, and the bundled bin.
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"

const begun = Date.now()
// The bin and the dashboard stay until the new ones take their place: tests pack the package while others run it.
for (const name of existsSync("dist") ? readdirSync("dist") : []) {
  if (name !== "bin" && name !== "dashboard") rmSync(join("dist", name), { recursive: true })
}
execFileSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" })
await import("./bundle.mjs")
for (const name of readdirSync("dist/bin")) {
  const file = join("dist/bin", name)
  if (statSync(file).mtimeMs < begun) rmSync(file, { recursive: true })
}
