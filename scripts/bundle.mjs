// One file for each bin, of CommonJS: a module of node's, or an addon, is then loaded by the first command that needs
// it. Each is run by a few lines before it, which keep the code that V8 made of it.
import { build } from "esbuild"
import { createHash } from "node:crypto"
import { isBuiltin } from "node:module"
import { chmodSync, copyFileSync, readFileSync, readdirSync, rmSync } from "node:fs"

const OUT = "dist/bin"

const common = {
  outdir: OUT,
  bundle: true,
  platform: "node",
  target: "node20",
  minify: true,
  legalComments: "none",
  external: ["better-sqlite3"],
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  // `import` of CommonJS would read all of it once more, for the names that it exports.
  supported: { "dynamic-import": false },
}
/**
 * Packages that the bins reach and never use, and that would run each time: the parsers of files of options, of @effect/cli, and the
 * generators of test values, of effect's Schema.
 */
const unused = {
  name: "unused",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(fast-check|ini|toml|yaml)$/ }, ({ path, importer }) =>
      /node_modules\/(@effect\/cli|effect)\//.test(importer) ? { path, namespace: "unused" } : undefined,
    )
    onLoad({ filter: /./, namespace: "unused" }, () => ({ contents: "module.exports = {}" }))
  },
}
const $url = "const $url = require('node:url').pathToFileURL(__filename).href;"
const { metafile } = await build({
  ...common,
  metafile: true,
  define: { "import.meta.url": "$url" },
  banner: { js: $url },
  plugins: [unused],
  entryPoints: {
    "commands.main": "src/cli/root.ts",
    "sidecar.main": "src/sidecar/bin.ts",
    "scanner.main": "src/scanner.ts",
  },
})

const digests = new Set()
const runOf = (name, use) => {
  const digest = createHash("sha256")
    .update(readFileSync(`${OUT}/${name}`))
    .digest("hex")
    .slice(0, 16)
  digests.add(digest)
  return `runCached(__dirname, "${name}", "${digest}"${use === undefined ? "" : `, ${use}`})`
}
const launcher = (contents) => ({
  contents: `import { commandUse, runCached } from "./cached.ts"\n${contents}`,
  resolveDir: "src",
  loader: "ts",
})
for (const [name, use] of [
  ["sidecar", ".start()"],
  ["scanner", ""],
]) {
  const stdin = { ...launcher(runOf(`${name}.main.cjs`) + use), sourcefile: `${name}.ts` }
  await build({ ...common, outdir: undefined, outfile: `${OUT}/${name}.cjs`, stdin })
}
// While a snapshot is made, node cannot load most of its own modules, and so cannot tell what they export.
const imported = metafile.outputs[`${OUT}/sidecar.main.cjs`].imports.map(({ path }) => path)
const MODULES = Object.fromEntries(
  await Promise.all(
    [...new Set([...imported, "node:url"])]
      .filter(isBuiltin)
      .map(async (id) => [id, Object.keys(await import(id)).filter((name) => name !== "default")]),
  ),
)
await build({
  ...common,
  define: { MODULES: JSON.stringify(MODULES) },
  entryPoints: { snapshot: "src/snapshot.ts" },
})
// The bin says its version without reading the commands.
const apart = {
  name: "commands-apart",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /cli\/root\.ts$/ }, () => ({ path: "commands", namespace: "apart" }))
    onLoad({ filter: /./, namespace: "apart" }, () =>
      launcher(
        `export const run = () => ${runOf("commands.main.cjs", "commandUse(process.argv.slice(2))")}.run()`,
      ),
    )
  },
}
await build({
  ...common,
  banner: { js: "#!/usr/bin/env node" },
  plugins: [apart],
  entryPoints: { "bot-bottle": "src/cli.ts" },
})
chmodSync(`${OUT}/bot-bottle.cjs`, 0o755)

for (const name of readdirSync(OUT)) {
  const [, digest] = /\.cjs\.(\w+)[\w-]*\.\w+\.v8/.exec(name) ?? []
  if (name.includes(".blob")) rmSync(`${OUT}/${name}`)
  if (digest !== undefined && !digests.has(digest)) rmSync(`${OUT}/${name}`)
}

// What browsers get of the dashboard: its page, one script and one style.
const DASHBOARD = "src/orchestrator/dashboard"
const forBrowsers = { bundle: true, minify: true, legalComments: "none", outdir: "dist/dashboard" }
await build({
  ...forBrowsers,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  entryPoints: { dashboard: `${DASHBOARD}/main.tsx` },
})
await build({ ...forBrowsers, entryPoints: { dashboard: `${DASHBOARD}/style.css` } })
copyFileSync(`${DASHBOARD}/index.html`, "dist/dashboard/index.html")
