/** Repositories whose author wants code run by whoever lists them. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** git at a folder, without any configuration of this machine. */
export const gitIn =
  (root: string) =>
  (...args: ReadonlyArray<string>): string =>
    execFileSync("git", ["-C", root, "-c", "user.name=t", "-c", "user.email=t@t.test", ...args], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
      stdio: ["ignore", "pipe", "ignore"],
    })

/** A program that leaves a mark when it is run. */
export interface Trap {
  readonly program: string
  /** Whether it was run; lays it again. */
  readonly sprung: () => boolean
}

/** Lays a trap in a folder. */
export const layTrap = (folder: string): Trap => {
  const program = join(folder, "trap")
  const mark = join(folder, "sprung")
  writeFileSync(program, `#!/bin/sh\ntouch ${mark}\nexit 1\n`, { mode: 0o755 })
  return {
    program,
    sprung: () => {
      const was = existsSync(mark)
      rmSync(mark, { force: true })
      return was
    },
  }
}

/**
 * Makes a repository at `root` whose sparse index names a tree that is missing: git expands the index when it lists
 * files, and asks a remote for the tree, which by this repository's configuration is a command.
 */
export const sparseRepository = (root: string, trap: Trap): void => {
  mkdirSync(join(root, "deep/in"), { recursive: true })
  mkdirSync(join(root, "kept"))
  for (const path of ["a", "deep/in/b", "kept/c"]) writeFileSync(join(root, path), path)
  const git = gitIn(root)
  git("init", "-q", "-b", "main")
  git("add", ".")
  git("commit", "-q", "-m", "first")
  git("sparse-checkout", "init", "--cone", "--sparse-index")
  git("sparse-checkout", "set", "kept")
  const tree = git("rev-parse", "HEAD:deep").trim()
  rmSync(join(root, ".git/objects", tree.slice(0, 2), tree.slice(2)))
  for (const [key, value] of [
    ["core.repositoryFormatVersion", "1"],
    ["extensions.partialClone", "origin"],
    ["remote.origin.promisor", "true"],
    ["remote.origin.url", `ext::sh -c ${trap.program}`],
    ["protocol.ext.allow", "always"],
    ["protocol.allow", "always"],
  ] as const)
    git("config", key, value)
}

/** Makes a repository at `root` with an ordinary history, whose folder `sub` is a bare repository made by {@link sparseRepository}. */
export const embeddedRepository = (root: string, trap: Trap): void => {
  const hostile = `${root}.hostile`
  mkdirSync(hostile)
  sparseRepository(hostile, trap)
  const own = gitIn(hostile)
  own("config", "core.bare", "false")
  own("config", "core.worktree", ".")
  mkdirSync(root)
  cpSync(join(hostile, ".git"), join(root, "sub"), { recursive: true })
  rmSync(hostile, { recursive: true })
  const git = gitIn(root)
  git("init", "-q", "-b", "main")
  git("add", "--force", ".")
  git("commit", "-q", "-m", "first")
}

/** Changes a name in an index to another of the same length, and the hash at its end to fit. */
export const patchIndex = (path: string, from: string, to: string): void => {
  const index = readFileSync(path)
  index.write(to, index.indexOf(from))
  createHash("sha1")
    .update(index.subarray(0, -20))
    .digest()
    .copy(index, index.length - 20)
  writeFileSync(path, index)
}
