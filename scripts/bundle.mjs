// The bin, and one file for the sidecar process, which must start fast and stay small.
import { build } from "esbuild"
import { chmodSync } from "node:fs"

const banner =
  "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);"
const common = {
  outdir: "dist/bin",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: "none",
  external: ["better-sqlite3"],
  banner: { js: `#!/usr/bin/env node\n${banner}` },
}
// Kept names cost each closure of each call, and a fifth of the start.
await build({ ...common, keepNames: false, entryPoints: { sidecar: "src/sidecar.ts" } })
// In pieces, because node parses all of a file before it runs any: a command pays for what it loads.
await build({
  ...common,
  splitting: true,
  chunkNames: "pieces/[name]-[hash]",
  entryPoints: { "bot-bottle": "src/cli.ts" },
})
chmodSync("dist/bin/bot-bottle.js", 0o755)
