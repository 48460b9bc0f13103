// A release: the tarball, its checksum, and the changelog's entry. All is made and checked in a copy; the checkout changes only when each
// step has succeeded. Committing, tagging and publishing are left to you.
// Usage: npm run release -- VERSION
import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

const [version = ""] = process.argv.slice(2)
const here = dirname(new URL(import.meta.url).pathname)

const refuse = (reason) => {
  console.error(`no release: ${reason}`)
  process.exit(1)
}
const git = (...args) => execFileSync("git", args, { encoding: "utf8" })

if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)) refuse('name a version: "npm run release -- 0.2.0"')
if (git("status", "--porcelain") !== "") refuse("the tree has changes: commit them or put them away")
if (git("tag", "--list", `v${version}`) !== "") refuse(`there is a tag v${version} already`)
const changelog = readFileSync("CHANGELOG.md", "utf8")
const [, before, entries, after] =
  /^([\s\S]*?^## \[Unreleased\]\n)([\s\S]*?)(^## \[[\s\S]*|(?![\s\S]))/m.exec(changelog) ?? []
if (entries === undefined) refuse("CHANGELOG.md has no section [Unreleased]")
if (entries.trim() === "") refuse("[Unreleased] of CHANGELOG.md is empty")
if (changelog.includes(`## [${version}]`)) refuse(`CHANGELOG.md has ${version} already`)

const date = new Date().toISOString().slice(0, 10)
const withVersion = (text) => text.replace(/("version": ")[^"]+/, `$1${version}`)
const old = JSON.parse(readFileSync("package.json", "utf8")).version
/** The documents name the tarball to install. */
const withTarball = (text) => text.replaceAll(`bot-bottle-${old}.tgz`, `bot-bottle-${version}.tgz`)
/** The files that a release changes. */
const CHANGES = {
  "CHANGELOG.md": () => `${before}\n## [${version}] - ${date}\n${entries}${after}`,
  "package.json": withVersion,
  // The first two versions in it are the package's own.
  "package-lock.json": (text) =>
    withVersion(text).replace(/("": \{\s*"name": "[^"]+",\s*"version": ")[^"]+/, `$1${version}`),
  "README.md": withTarball,
  "docs/library.md": withTarball,
  "src/domain/Version.ts": (text) => text.replace(/(VERSION = ")[^"]+/, `$1${version}`),
}

const name = `bot-bottle-${version}.tgz`
const files = [...Object.keys(CHANGES), name, `${name}.sha256`]
const copy = mkdtempSync(join(tmpdir(), "bot-bottle-release-"))
try {
  execFileSync("sh", ["-ec", 'git archive HEAD | tar -x -C "$0"', copy])
  if (existsSync("node_modules")) symlinkSync(join(process.cwd(), "node_modules"), join(copy, "node_modules"))
  for (const [file, change] of Object.entries(CHANGES)) {
    const text = readFileSync(join(copy, file), "utf8")
    writeFileSync(join(copy, file), change(text))
  }

  const run = (...args) => execFileSync(process.execPath, args, { cwd: copy, stdio: "inherit" })
  const origin = spawnSync("git", ["remote", "get-url", "origin"], { encoding: "utf8" }).stdout.trim()
  run(join(here, "package.mjs"), copy, origin)
  const tarball = readFileSync(join(copy, name))
  mkdirSync(join(copy, "unpacked"))
  execFileSync("tar", ["-xzf", join(copy, name), "-C", join(copy, "unpacked")])
  const packed = join(copy, "unpacked/package")
  if (existsSync("node_modules"))
    symlinkSync(join(process.cwd(), "node_modules"), join(packed, "node_modules"))
  run(join(here, "check-docs.mjs"), packed)
  const sum = `${createHash("sha256").update(tarball).digest("hex")}  ${name}\n`
  writeFileSync(join(copy, `${name}.sha256`), sum)

  // All of it beside its place, then into it.
  for (const file of files) copyFileSync(join(copy, file), `${file}.release`)
  for (const file of files) renameSync(`${file}.release`, file)
  console.log(
    `${sum}\nNow: git commit -am "Release ${version}" && git tag v${version}, push both, and attach both files to the release.`,
  )
} finally {
  for (const file of files) rmSync(`${file}.release`, { force: true })
  rmSync(copy, { recursive: true, force: true })
}
