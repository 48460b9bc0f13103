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
// CommonJS, because a module of node's, or an addon, is then loaded by the first command that needs it.
const bin = {
  ...common,
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  define: { "import.meta.url": "$url" },
}
const $url = "const $url = require('node:url').pathToFileURL(__filename).href;"
await build({ ...bin, banner: { js: $url }, entryPoints: { commands: "src/cli/root.ts" } })
// The bin itself is a few lines before that one file: the version is said without reading it.
const apart = {
  name: "commands-apart",
  setup: ({ onResolve }) =>
    onResolve({ filter: /cli\/root\.ts$/ }, () => ({ path: "./commands.cjs", external: true })),
}
await build({
  ...bin,
  banner: { js: "#!/usr/bin/env node" },
  // `import` of CommonJS would read all of it once more, for the names that it exports.
  supported: { "dynamic-import": false },
  plugins: [apart],
  entryPoints: { "bot-bottle": "src/cli.ts" },
})
chmodSync("dist/bin/bot-bottle.cjs", 0o755)
