// The tarball of the package, as a release has it: what `npm pack` makes, but for links of the documents to files that are not packed
// (tests, CONTEXT.md). Those lead to the repository, if package.json or the git remote `origin` names one, and are plain text otherwise.
// The packed package.json names the repository then too.
// Usage: node scripts/package.mjs [FOLDER [REPOSITORY]]   (FOLDER: where the tarball is put, default: here; REPOSITORY: in place of `origin`)
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { documentsOf, targetOf, withLinks } from "./documents.mjs"

const into = resolve(process.argv[2] ?? ".")
const { version, repository } = JSON.parse(readFileSync("package.json", "utf8"))

/** The address of the repository's pages, without credentials. */
const pages = () => {
  const remote = () => spawnSync("git", ["remote", "get-url", "origin"], { encoding: "utf8" }).stdout.trim()
  const url = (typeof repository === "string" ? repository : repository?.url) ?? process.argv[3] ?? remote()
  // git also writes ssh://HOST/PATH as HOST:PATH. The port of ssh is not that of the pages.
  const [, host, path] =
    /^(?:git\+)?https?:\/\/(?:[^@/]*@)?([^/]+)\/(.+?)(?:\.git)?\/?$/.exec(url) ??
    /^(?:git\+)?ssh:\/\/(?:[^@/]*@)?([^/:]+)(?::\d+)?\/(.+?)(?:\.git)?\/?$/.exec(url) ??
    /^(?:[\w.-]+@)?([\w-]+(?:\.[\w-]+)+):(?!\/)(.+?)(?:\.git)?\/?$/.exec(url) ??
    []
  return path === undefined ? undefined : `https://${host}/${path}`
}
const base = pages()

const temporary = mkdtempSync(join(tmpdir(), "bot-bottle-package-"))
try {
  const output = execFileSync("npm", ["pack", "--json", "--pack-destination", temporary], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  })
  // A build may print before it.
  const [{ filename }] = JSON.parse(output.slice(output.search(/^\[\s*\{/m)))
  execFileSync("tar", ["-xzf", filename], { cwd: temporary })
  const root = join(temporary, "package")
  for (const document of documentsOf(root)) {
    const file = join(root, document)
    const text = withLinks(readFileSync(file, "utf8"), (text, target) => {
      const to = targetOf(document, target)
      if (to === undefined || existsSync(join(root, to.file))) return undefined
      if (base === undefined) return text.startsWith("`") ? `\`${to.file}\`` : text
      return `[${text}](${base}/src/tag/v${version}/${to.file}${to.anchor === undefined ? "" : `#${to.anchor}`})`
    })
    writeFileSync(file, text)
  }
  if (repository === undefined && base !== undefined) {
    const file = join(root, "package.json")
    const manifest = JSON.parse(readFileSync(file, "utf8"))
    manifest.repository = { type: "git", url: `git+${base}.git` }
    writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`)
  }
  const same = ["--sort=name", "--mtime=@499162500", "--owner=0", "--group=0", "--numeric-owner"]
  execFileSync("tar", [...same, "-czf", "done.tgz", "package"], { cwd: temporary })
  // Copied beside its place first, so that the tarball is whole or not there.
  const part = join(into, `.${filename}.part`)
  execFileSync("cp", [join(temporary, "done.tgz"), part])
  renameSync(part, join(into, filename))
  console.log(filename)
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
