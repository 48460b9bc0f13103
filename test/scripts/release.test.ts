/** A release, and the check of documents, over small repositories. */
import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeEach, describe, expect, it } from "vitest"

const checkout = new URL("../..", import.meta.url).pathname
const temporary = mkdtempSync(join(tmpdir(), "bb-release-"))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

let root = ""
let counter = 0
const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
const read = (path: string) => readFileSync(join(root, path), "utf8")
const git = (...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.c", ...args], {
    cwd: root,
    encoding: "utf8",
  })
const script = (name: string, ...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [join(checkout, "scripts", name), ...args], { cwd: root, encoding: "utf8" })

beforeEach(() => {
  root = join(temporary, String(counter++))
  write(
    "package.json",
    JSON.stringify({ name: "bot-bottle", version: "0.1.0", files: ["docs", "CHANGELOG.md"] }, null, 2),
  )
  write(
    "package-lock.json",
    JSON.stringify(
      { name: "bot-bottle", version: "0.1.0", packages: { "": { name: "bot-bottle", version: "0.1.0" } } },
      null,
      2,
    ),
  )
  write("src/domain/Version.ts", `export const VERSION = "0.1.0"\n`)
  write("README.md", "# It\n\n[docs](docs/library.md#the-install) and [`a.test.ts`](test/a.test.ts)\n")
  write(
    "docs/library.md",
    "# Library\n\n## The install\n\n`npm i ./bot-bottle-0.1.0.tgz`, see [it](../README.md#it)\n",
  )
  write("test/a.test.ts", "")
  write(
    "CHANGELOG.md",
    "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.1.0]\n\nThe first.\n",
  )
  write(".gitignore", "*.tgz\n*.tgz.sha256\n")
  git("init", "-q")
  git("add", "-A")
  git("commit", "-qm", "one")
})

describe("npm run release", () => {
  it("makes the tarball, its checksum, the changelog's entry and the version everywhere", () => {
    git("remote", "add", "origin", "https://ada:secret@git.example.org/acme/bot-bottle.git")
    const { status, stderr } = script("release.mjs", "0.2.0")
    expect([status, stderr]).toEqual([0, expect.anything()])
    const today = new Date().toISOString().slice(0, 10)
    expect(read("CHANGELOG.md")).toBe(
      `# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - ${today}\n\n### Added\n\n- A thing.\n\n## [0.1.0]\n\nThe first.\n`,
    )
    expect(
      git("status", "--porcelain")
        .trim()
        .split(/\s+M? ?/),
    ).toEqual(
      "M CHANGELOG.md docs/library.md package-lock.json package.json src/domain/Version.ts".split(" "),
    )
    expect(read("package-lock.json")).not.toContain("0.1.0")
    expect(read("docs/library.md")).toContain("bot-bottle-0.2.0.tgz")
    const tarball = readFileSync(join(root, "bot-bottle-0.2.0.tgz"))
    const sum = createHash("sha256").update(tarball).digest("hex")
    expect(read("bot-bottle-0.2.0.tgz.sha256")).toBe(`${sum}  bot-bottle-0.2.0.tgz\n`)
    const packed = (file: string) =>
      execFileSync("tar", ["-xzOf", join(root, "bot-bottle-0.2.0.tgz"), `package/${file}`], {
        encoding: "utf8",
      })
    // What is not packed is linked in the repository.
    expect(packed("README.md")).toContain(
      "[docs](docs/library.md#the-install) and [`a.test.ts`](https://git.example.org/acme/bot-bottle/src/tag/v0.2.0/test/a.test.ts)",
    )
    expect(JSON.parse(packed("package.json"))).toMatchObject({
      version: "0.2.0",
      repository: { url: "git+https://git.example.org/acme/bot-bottle.git" },
    })
  })

  it("packs the address of the repository however git writes it, and none that is no address of a host", () => {
    const packedFrom = (origin: string) => {
      git("config", "remote.origin.url", origin)
      expect(script("package.mjs").stdout).toBe("bot-bottle-0.1.0.tgz\n")
      const text = execFileSync(
        "tar",
        ["-xzOf", join(root, "bot-bottle-0.1.0.tgz"), "package/package.json"],
        { encoding: "utf8" },
      )
      return JSON.parse(text).repository?.url
    }
    const url = "git+https://git.example.org/acme/bot-bottle.git"
    expect(packedFrom("https://git.example.org/acme/bot-bottle")).toBe(url)
    expect(packedFrom("git@git.example.org:acme/bot-bottle.git")).toBe(url)
    expect(packedFrom("ssh://git@git.example.org:2222/acme/bot-bottle.git")).toBe(url)
    expect(packedFrom("/srv/git/bot-bottle.git")).toBeUndefined()
    expect(packedFrom("../bot-bottle")).toBeUndefined()
  })

  it("packs no link that leads nowhere when no repository is named", () => {
    expect(script("package.mjs").stdout).toBe("bot-bottle-0.1.0.tgz\n")
    const readme = execFileSync("tar", ["-xzOf", join(root, "bot-bottle-0.1.0.tgz"), "package/README.md"], {
      encoding: "utf8",
    })
    expect(readme).toContain("[docs](docs/library.md#the-install) and `test/a.test.ts`\n")
  })

  it("refuses a dirty tree, an empty changelog, and a version that is there already", () => {
    expect(script("release.mjs").stderr).toMatch(/name a version/)
    expect(script("release.mjs", "0.1.0").stderr).toMatch(/has 0\.1\.0 already/)
    write("README.md", "# Other\n")
    expect(script("release.mjs", "0.2.0").stderr).toMatch(/the tree has changes/)
    write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n## [0.1.0]\n")
    git("commit", "-qam", "two")
    expect(script("release.mjs", "0.2.0").stderr).toMatch(/is empty/)
  })

  it("changes nothing if a step fails", () => {
    write("README.md", "# It\n\n[gone](docs/library.md#gone)\n")
    git("commit", "-qam", "two")
    const { status, stderr } = script("release.mjs", "0.2.0")
    expect([status, stderr]).toEqual([1, expect.stringContaining("README.md: docs/library.md#gone")])
    expect(git("status", "--porcelain", "--ignored")).toBe("")
  })
})

describe("the check of documents", () => {
  it("names links and command lines that are wrong, and passes those that are right", () => {
    mkdirSync(join(root, "dist"))
    symlinkSync(join(checkout, "dist/bin"), join(root, "dist/bin"))
    expect(script("check-docs.mjs", ".").stdout).toBe("links are right\n")
    write(
      "README.md",
      [
        "# It",
        "[a](docs/gone.md), [b](#it), [c](https://example.org), `[d](gone.md)`, `bot-bottle stop`, `bot-bottle frob`",
        "```sh",
        "bot-bottle start hello --headless \\",
        '  --prompt "a; b" && bot-bottle stop',
        "A=b bot-bottle list --jsn | cat # bot-bottle frob",
        "cat <<EOF",
        "bot-bottle frob",
        "EOF",
        "source <(bot-bottle --completions bash)",
        "```",
      ].join("\n"),
    )
    const { status, stderr } = script("check-docs.mjs", ".")
    expect([status, stderr.trim().split("\n")]).toEqual([
      1,
      [
        "README.md: docs/gone.md: there is no docs/gone.md",
        "README.md: bot-bottle stop: SLUG is missing",
        "README.md: bot-bottle list --jsn: unknown option --jsn",
        'README.md: bot-bottle frob: unknown command "frob"',
      ],
    ])
  })
})
