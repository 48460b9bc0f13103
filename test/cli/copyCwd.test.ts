/** --copy-cwd in repositories whose author is an attacker, and with what the operator wants ignored; through the bin. */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { makeCli, shellAgent } from "../support/cli.ts"
import { embeddedRepository, gitIn, layTrap, patchIndex, sparseRepository } from "../support/traps.ts"

const cli = makeCli()
const operatorHome = join(cli.cwd, "..")
let folder: string
let root: string

beforeAll(() => {
  cli.write("bottles/none.yaml", "backend: host\n")
  cli.write("agents/looker.md", shellAgent("ls", "none"))
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bb-copy-"))
  root = join(folder, "repo")
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
afterAll(cli.remove)

const copy = (cwd: string, env: Readonly<Record<string, string>> = {}) =>
  cli.run(["start", "looker", "--headless", "--prompt", "x", "--copy-cwd", "--dry-run", "--json"], {
    cwd,
    env,
  })
const listing = async (cwd: string, env?: Readonly<Record<string, string>>) => {
  const { code, stdout } = await copy(cwd, env)
  const { workspace, error } = JSON.parse(stdout)
  expect({ code, error }).toEqual({ code: 0, error: undefined })
  return { tracked: workspace.tracked.toSorted(), untracked: workspace.untracked.toSorted() }
}
const write = (path: string, text = "") => {
  mkdirSync(join(root, path, ".."), { recursive: true })
  writeFileSync(join(root, path), text)
}

describe("what a repository's author configures is not run by --copy-cwd --dry-run", () => {
  it("when its sparse index lacks a tree and its remote is a command", async () => {
    const trap = layTrap(folder)
    sparseRepository(root, trap)
    const { code, stdout } = await copy(root)
    expect(trap.sprung()).toBe(false)
    // What is missing is left out by some versions of git, and refused by others.
    const { workspace, error } = JSON.parse(stdout)
    if (code === 0) expect(workspace.tracked.toSorted()).toEqual(["a", "kept/c"])
    else expect([code, error.message]).toEqual([2, expect.stringMatching(/its index is sparse/)])
  })

  it("when the operator stands in a bare repository that came with a plain clone", async () => {
    const trap = layTrap(folder)
    embeddedRepository(join(folder, "theirs"), trap)
    gitIn(folder)("clone", "-q", "theirs", "repo")
    const { tracked } = await listing(join(root, "sub"))
    expect(trap.sprung()).toBe(false)
    expect(tracked).toContain("config")
  })

  it("whichever key names the program, nor when its configuration includes another file", async () => {
    const trap = layTrap(folder)
    mkdirSync(root)
    const git = gitIn(root)
    git("init", "-q")
    write("a")
    git("add", "a")
    write(".gitattributes", "* filter=x diff=x merge=x\n")
    writeFileSync(join(folder, "more"), `[core]\n\tfsmonitor = ${trap.program}\n`)
    for (const hook of ["fsmonitor-watchman", "post-index-change", "pre-auto-gc", "reference-transaction"]) {
      write(`.git/hooks/${hook}`, `#!/bin/sh\n${trap.program}\n`)
    }
    for (const key of PROGRAMS) git("config", key, trap.program)
    git("config", "include.path", join(folder, "more"))
    git("config", "core.hooksPath", join(root, ".git/hooks"))
    git("config", "core.worktree", folder)
    expect(await listing(root)).toEqual({ tracked: ["a"], untracked: [".gitattributes"] })
    expect(trap.sprung()).toBe(false)
    // Keys that git would obey and that we do not know: none is read, or this would be an error.
    appendFileSync(join(root, ".git/config"), "[nothing that git can read")
    expect(await listing(root)).toEqual({ tracked: ["a"], untracked: [".gitattributes"] })
  })

  it("when PATH has relative folders, and the tree has programs of those names", async () => {
    const trap = layTrap(folder)
    mkdirSync(root)
    gitIn(root)("init", "-q")
    for (const name of ["git", "sh", "node_modules/.bin/git", "node_modules/.bin/sh"]) {
      write(name)
      rmSync(join(root, name))
      writeFileSync(join(root, name), `#!/bin/sh\nexec ${trap.program}\n`, { mode: 0o755 })
    }
    const PATH = `:.:node_modules/.bin:${process.env["PATH"]}`
    expect((await listing(root, { PATH })).untracked).toContain("git")
    expect(trap.sprung()).toBe(false)
  })

  it("and files of git itself, which an index made by hand names, are refused", async () => {
    mkdirSync(root)
    const git = gitIn(root)
    git("init", "-q")
    write("x")
    git("add", "x")
    const hash = git("hash-object", "-w", "x").trim()
    git("update-index", "--add", "--cacheinfo", `100644,${hash},.git_config`)
    // git itself writes no such name.
    patchIndex(join(root, ".git/index"), ".git_config", ".git/config")
    const { code, stdout } = await copy(root)
    expect([code, JSON.parse(stdout).error.message]).toEqual([
      2,
      expect.stringMatching(/"\.git\/config" is a file of git/),
    ])
  })
})

describe("what the operator ignores everywhere is not copied", () => {
  beforeEach(() => {
    mkdirSync(root)
    gitIn(root)("init", "-q")
    for (const path of [".env", "key.pem", "a", ":!odd.pem", "sub/.env", "sub/b", "secret/c"]) write(path)
  })
  afterEach(() => {
    for (const name of [".gitconfig", ".config", "ignored", "more"])
      rmSync(join(operatorHome, name), { recursive: true, force: true })
  })
  const IGNORED = ".env\n*.pem\n/secret/\n"

  it("by core.excludesFile, also against the repository's own negations and its own core.excludesFile", async () => {
    writeFileSync(join(operatorHome, ".gitconfig"), `[include]\n\tpath = more\n`)
    writeFileSync(join(operatorHome, "more"), `[core]\n\texcludesFile = ~/ignored\n`)
    writeFileSync(join(operatorHome, "ignored"), IGNORED)
    write(".gitignore", "!.env\n!*.pem\n!secret\n")
    write(".git/info/exclude", "!.env\n!*.pem\n")
    gitIn(root)("config", "core.excludesFile", "/dev/null")
    expect((await listing(root)).untracked).toEqual([".gitignore", "a", "sub/b"])
    expect((await listing(join(root, "sub"))).untracked).toEqual(["b"])
  })

  it("by git's default file, wherever XDG_CONFIG_HOME has it", async () => {
    mkdirSync(join(operatorHome, ".config/git"), { recursive: true })
    writeFileSync(join(operatorHome, ".config/git/ignore"), IGNORED)
    expect((await listing(root)).untracked).toEqual(["a", "sub/b"])
    mkdirSync(join(folder, "xdg/git"), { recursive: true })
    writeFileSync(join(folder, "xdg/git/ignore"), "a\n")
    expect((await listing(root, { XDG_CONFIG_HOME: join(folder, "xdg") })).untracked).toContain(".env")
  })

  it("and a configuration of the operator's that cannot be read refuses the copy", async () => {
    writeFileSync(join(operatorHome, ".gitconfig"), "[core\n")
    const { code, stdout } = await copy(root)
    expect([code, JSON.parse(stdout).error.message]).toEqual([
      2,
      expect.stringMatching(/your own git configuration/),
    ])
  })
})

describe("repositories of other shapes are listed", () => {
  const prepared = (...init: ReadonlyArray<string>) => {
    mkdirSync(root)
    const git = gitIn(root)
    git("init", "-q", "-b", "main", ...init)
    for (const path of ["a", "sub/b"]) write(path)
    git("add", ".")
    write("new")
    write("local")
    write(".git/info/exclude", "local\n")
    return git
  }

  it("with a split index, with hashes of SHA-256, and with .git/info/exclude", async () => {
    prepared()("update-index", "--split-index")
    expect(await listing(root)).toEqual({ tracked: ["a", "sub/b"], untracked: ["new"] })
    rmSync(root, { recursive: true })
    prepared("--object-format=sha256")
    expect(await listing(root)).toEqual({ tracked: ["a", "sub/b"], untracked: ["new"] })
  })

  it("as a linked working tree, which has the exclude list of its repository", async () => {
    const git = prepared()
    git("commit", "-q", "-m", "first")
    git("worktree", "add", "-q", join(folder, "linked"))
    for (const name of ["local", "other"]) writeFileSync(join(folder, "linked", name), "")
    expect(await listing(join(folder, "linked"))).toEqual({ tracked: ["a", "sub/b"], untracked: ["other"] })
  })
})

/** Keys of git-config(1) whose value git runs, or has a shell run. */
const PROGRAMS = [
  "alias.ls-files",
  "core.alternateRefsCommand",
  "core.askPass",
  "core.editor",
  "core.fsmonitor",
  "core.gitProxy",
  "core.pager",
  "core.sshCommand",
  "credential.helper",
  "diff.external",
  "diff.x.command",
  "diff.x.textconv",
  "filter.x.clean",
  "filter.x.process",
  "filter.x.smudge",
  "gpg.program",
  "gpg.ssh.defaultKeyCommand",
  "interactive.diffFilter",
  "merge.x.driver",
  "pager.ls-files",
  "remote.origin.receivepack",
  "remote.origin.uploadpack",
  "remote.origin.vcs",
  "sequence.editor",
  "uploadpack.packObjectsHook",
]
