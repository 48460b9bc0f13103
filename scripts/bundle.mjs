// One file for the bin, and one each for the sidecar process, which must start fast and stay small, and its scanner.
import { build } from "esbuild"
import { chmodSync } from "node:fs"

const common = {
  outdir: "dist/bin",
  bundle: true,
  platform: "node",
  target: "node20",
  minify: true,
  legalComments: "none",
  external: ["better-sqlite3"],
}
await build({
  ...common,
  format: "esm",
  banner: {
    js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
  },
  entryPoints: { sidecar: "src/sidecar.ts", scanner: "src/scanner.ts" },
})
// A module of node's, or an addon, is loaded by the first command that needs it: ESM would load all of them at once.
await build({
  ...common,
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  define: { "import.meta.url": "$url" },
  banner: {
    js: "#!/usr/bin/env node\nconst $url = require('node:url').pathToFileURL(__filename).href;",
  },
  entryPoints: { "bot-bottle": "src/cli.ts" },
})
chmodSync("dist/bin/bot-bottle.cjs", 0o755)
