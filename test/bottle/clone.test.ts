/** bin/clone, over repositories in place of the neck's: what it leaves in a workspace, and what it says when it cannot. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { enterFailure } from "../../src/layers/bottle/runFiles.ts"
import { commit, ok } from "../support/git.ts"
import { tempDir } from "../support/tempDir.ts"

const BRANCH = "bot-bottle/door-abcde"

/** An upstream with two branches and a tag, a workspace, and the script in it. */
const world = Effect.gen(function* () {
  const root = yield* tempDir
  const [upstream, seed, workspace, bin] = ["up.git", "seed", "workspace", "bin"].map((name) =>
    join(root, name),
  ) as [string, string, string, string]
  for (const path of [seed, workspace, bin, join(root, "scripts")]) mkdirSync(path)
  copyFileSync(new URL("../../bottle/clone", import.meta.url).pathname, join(root, "scripts", "clone"))
  for (const name of ["git", "sh", "rm", "mkdir", "mv", "env"])
    symlinkSync(
      spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim(),
      join(bin, name),
    )
  yield* ok(root, ["init", "-q", "--bare", "-b", "main", upstream])
  yield* ok(seed, ["init", "-q", "-b", "main"])
  yield* commit(seed, { "a.txt": "a\n" }, "first")
  yield* ok(seed, ["tag", "v1"])
  const first = yield* ok(seed, ["rev-parse", "HEAD"])
  yield* commit(seed, { "b.txt": "b\n" }, "second")
  yield* ok(seed, ["push", "-q", upstream, "main", "v1", "main:dev"])
  const clone = (asked: Readonly<Record<string, string>> = {}, env: Record<string, string> = {}) => {
    const told = {
      first: "yes",
      repository: "app",
      url: upstream,
      ref: "",
      branch: BRANCH,
      name: "worker",
      email: "door-abcde@bot-bottle.invalid",
      forge: "no",
      ...asked,
    }
    const file = join(root, "told")
    writeFileSync(
      file,
      Object.entries(told)
        .map(([name, value]) => `${name}='${value}'\n`)
        .join(""),
    )
    const { status, stdout, stderr } = spawnSync("/bin/sh", [join(root, "scripts", "clone"), file], {
      cwd: workspace,
      encoding: "utf8",
      env: { PATH: bin, HOME: root, ...env },
    })
    const cause = enterFailure(status ?? 0, stderr)
    return { code: status, said: stdout + stderr, cause: cause._tag === "Some" ? cause.value : "" }
  }
  return {
    root,
    upstream,
    seed,
    workspace,
    bin,
    first,
    clone,
    git: (...args: ReadonlyArray<string>) => ok(workspace, args),
  }
})

describe("a workspace that is cloned", () => {
  it.scopedLive("is the upstream's default branch, on the bottle's own, and a plain push goes there", () =>
    Effect.gen(function* () {
      const { clone, git, seed, upstream, workspace } = yield* world
      expect(clone()).toEqual({ code: 0, said: "", cause: "" })
      expect(readdirSync(workspace).sort()).toEqual([".git", "a.txt", "b.txt"])
      expect(yield* git("status", "--porcelain", "--branch")).toBe(`## ${BRANCH}`)
      expect(yield* git("config", "user.name")).toBe("worker")
      expect(yield* git("config", "user.email")).toBe("door-abcde@bot-bottle.invalid")
      writeFileSync(join(workspace, "c.txt"), "c\n")
      yield* git("add", "c.txt")
      yield* git("commit", "-q", "-m", "third")
      yield* git("push", "-q")
      expect(yield* ok(upstream, ["log", "-1", "--format=%s", BRANCH])).toBe("third")
      yield* ok(seed, ["push", "-q", upstream, `HEAD:refs/heads/${BRANCH}`, "-f"])
      expect(yield* git("status", "--porcelain", "--branch")).toContain(`## ${BRANCH}...origin/${BRANCH}`)
    }),
  )

  it.scopedLive("begins at a branch, a tag or a commit that is named", () =>
    Effect.gen(function* () {
      const { clone, first, git, workspace } = yield* world
      for (const [ref, files] of [
        ["dev", 2],
        ["refs/heads/dev", 2],
        ["v1", 1],
        ["refs/tags/v1", 1],
        [first, 1],
      ] as const) {
        expect([ref, clone({ ref }).code]).toEqual([ref, 0])
        expect(readdirSync(workspace).filter((name) => name !== ".git").length).toBe(files)
        expect(yield* git("rev-parse", "--abbrev-ref", "HEAD")).toBe(BRANCH)
        for (const name of readdirSync(workspace)) rmSync(join(workspace, name), { recursive: true })
      }
    }),
  )

  it.scopedLive("of an empty upstream is an empty repository, ready for its first commit", () =>
    Effect.gen(function* () {
      const { clone, git, root, workspace } = yield* world
      yield* ok(root, ["init", "-q", "--bare", "-b", "main", "empty.git"])
      expect(clone({ url: join(root, "empty.git") }).code).toBe(0)
      expect(readdirSync(workspace)).toEqual([".git"])
      expect(yield* git("symbolic-ref", "HEAD")).toBe(`refs/heads/${BRANCH}`)
    }),
  )

  it.scopedLive("is not cloned again at a resume, whatever the agent did with it", () =>
    Effect.gen(function* () {
      const { clone, workspace } = yield* world
      expect(clone().code).toBe(0)
      rmSync(join(workspace, "a.txt"))
      expect(clone({ first: "no" }).code).toBe(0)
      expect(existsSync(join(workspace, "a.txt"))).toBe(false)
      rmSync(join(workspace, ".git"), { recursive: true })
      rmSync(join(workspace, "b.txt"))
      expect(clone({ first: "no" }).code).toBe(0)
      expect(readdirSync(workspace)).toEqual([])
    }),
  )

  it.scopedLive("that failed, or was cut off anywhere, is made at the resume", () =>
    Effect.gen(function* () {
      const { bin, clone, git, root, workspace } = yield* world
      expect(clone({ url: join(root, "gone.git") }).code).toBe(125)
      expect(clone({ first: "no" })).toEqual({ code: 0, said: "", cause: "" })
      expect(yield* git("status", "--porcelain")).toBe("")
      for (const name of readdirSync(workspace)) rmSync(join(workspace, name), { recursive: true })
      // Killed by its first, second, ... program, whatever that is.
      for (const name of ["git", "mkdir", "mv", "rm", "env"]) {
        rmSync(join(bin, name))
        writeFileSync(
          join(bin, name),
          `#!/bin/sh\nn=$(/bin/cat ${root}/left)\n[ "$n" -gt 0 ] || { /bin/kill -9 $PPID; exit 1; }\necho $((n - 1)) >${root}/left\nexec ${spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim()} "$@"\n`,
          { mode: 0o755 },
        )
      }
      for (let steps = 0; ; steps += 1) {
        writeFileSync(join(root, "left"), String(steps))
        const { code } = clone()
        writeFileSync(join(root, "left"), "1000")
        if (code === 0) break
        expect([
          steps,
          clone({ first: existsSync(join(workspace, ".bot-bottle-clone")) ? "no" : "yes" }).said,
        ]).toEqual([steps, ""])
        expect([steps, yield* git("status", "--porcelain", "--branch")]).toEqual([steps, `## ${BRANCH}`])
        for (const name of readdirSync(workspace)) rmSync(join(workspace, name), { recursive: true })
        expect(steps).toBeLessThan(50)
      }
    }),
  )

  it.scopedLive("takes the forge's word on who commits, and does without it", () =>
    Effect.gen(function* () {
      const { clone, git, root, workspace } = yield* world
      const answers = ["echo bot; echo bot@noreply.forge.example", "echo no forge >&2; exit 1", "echo odd"]
      const authors: Array<string> = []
      for (const answer of answers) {
        writeFileSync(
          join(root, "scripts", "forge"),
          `#!/bin/sh\n[ "$1" = git-identity ] || exit 9\n${answer}\n`,
          { mode: 0o755 },
        )
        expect(clone({ forge: "yes" }).code).toBe(0)
        authors.push(`${yield* git("config", "user.name")} ${yield* git("config", "user.email")}`)
        for (const name of readdirSync(workspace)) rmSync(join(workspace, name), { recursive: true })
      }
      const own = "worker door-abcde@bot-bottle.invalid"
      expect(authors).toEqual(["bot bot@noreply.forge.example", own, own])
    }),
  )
})

describe("a workspace that cannot be cloned", () => {
  it.scopedLive("ends the bottle with what git or the neck said", () =>
    Effect.gen(function* () {
      const { bin, clone, root, upstream, workspace } = yield* world
      const causeOf = (asked: Readonly<Record<string, string>>) => {
        const { cause, code } = clone(asked)
        expect(code).toBe(125)
        expect(readdirSync(workspace).filter((name) => name !== ".bot-bottle-clone")).toEqual([])
        return cause
      }
      expect(causeOf({ url: join(root, "gone.git") })).toMatch(
        /^workspace: "app" could not be cloned: repository '.*gone.git' does not exist$/,
      )
      for (const ref of ["nope", "1".repeat(40), "refs/heads/v1"])
        expect(causeOf({ ref })).toBe(`workspace: "app" has no branch, tag or commit "${ref}"`)
      yield* ok(upstream, ["symbolic-ref", "HEAD", "refs/heads/none"])
      expect(causeOf({})).toContain('the HEAD of "app" leads to no branch')
      rmSync(join(bin, "git"))
      expect(causeOf({})).toContain("the image has no git")
    }),
  )

  it.scopedLive("is one that has a repository already", () =>
    Effect.gen(function* () {
      const { clone, git, workspace } = yield* world
      yield* git("init", "-q")
      expect(clone().cause).toContain("has a repository in its working directory already")
      expect(clone({ first: "no" }).cause).toContain("has a repository in its working directory already")
      expect(existsSync(join(workspace, ".git"))).toBe(true)
    }),
  )
})
