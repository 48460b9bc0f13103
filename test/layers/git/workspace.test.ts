/** What --copy-cwd takes along, from real git repositories, some of them hostile. */
import { assert, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { execFileSync } from "node:child_process"
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { listWorkspace, workspaceTar } from "../../../src/layers/git/workspace.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { tempDir } from "../../support/tempDir.ts"

const git = (root: string, ...args: ReadonlyArray<string>) =>
  execFileSync("git", ["-C", root, "-c", "user.name=t", "-c", "user.email=t@t.test", ...args], {
    env: { PATH: process.env["PATH"], GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
  })

/** An empty repository, beside an empty folder that is outside of it. */
const repository = Effect.map(tempDir, (folder) => {
  const root = join(folder, "repo")
  mkdirSync(root)
  mkdirSync(join(folder, "outside"))
  writeFileSync(join(folder, "outside", "secret"), "secret")
  git(root, "init", "-q")
  return { root, outside: join(folder, "outside"), folder }
})

const owner = { uid: 1234, gid: 1235, prefix: "/workspace" }

const collect = <E>(bytes: Stream.Stream<Uint8Array, E>) =>
  Effect.map(Stream.runCollect(bytes), (pieces) => Buffer.concat([...pieces]))

layer(NodeProcessRunner.layer, { excludeTestServices: true })("workspace", (it) => {
  it.scoped("lists tracked and untracked files, without ignored, deleted and submodule ones", () =>
    Effect.gen(function* () {
      const { root } = yield* repository
      mkdirSync(join(root, "src/deep"), { recursive: true })
      for (const name of ["a", "gone", "src/deep/b", "new\nline", "żółw 🦊", "-dash", "ignored.log"]) {
        writeFileSync(join(root, name), name)
      }
      writeFileSync(join(root, ".gitignore"), "*.log\n")
      git(root, "add", "a", "gone", "src", "new\nline", "żółw 🦊", ".gitignore")
      rmSync(join(root, "gone"))
      mkdirSync(join(root, "nested"))
      git(join(root, "nested"), "init", "-q")
      git(root, "update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},sub`)
      const listing = yield* listWorkspace(root)
      assert.sameMembers([...listing.tracked], [".gitignore", "a", "new\nline", "src/deep/b", "żółw 🦊"])
      assert.deepStrictEqual(listing.untracked, ["-dash"])
    }),
  )

  it.scoped("an unmerged file is listed once, and a folder below the top is listed from there", () =>
    Effect.gen(function* () {
      const { root } = yield* repository
      mkdirSync(join(root, "sub"))
      writeFileSync(join(root, "sub/f"), "1")
      writeFileSync(join(root, "top"), "1")
      git(root, "add", ".")
      const hash = git(root, "hash-object", "-w", "top").toString().trim()
      execFileSync("git", ["-C", root, "update-index", "--index-info"], {
        input: `100644 ${hash} 1\tsub/u\n100644 ${hash} 2\tsub/u\n`,
      })
      writeFileSync(join(root, "sub/u"), "<<<<")
      const { tracked } = yield* listWorkspace(join(root, "sub"))
      assert.deepStrictEqual(tracked, ["f", "u"])
    }),
  )

  it.scoped("nothing that the repository's configuration names is run", () =>
    Effect.gen(function* () {
      const { root, folder } = yield* repository
      const trap = join(folder, "trap")
      writeFileSync(trap, `#!/bin/sh\ntouch ${folder}/sprung\n`, { mode: 0o755 })
      writeFileSync(join(root, "a"), "a")
      git(root, "add", "a")
      mkdirSync(join(root, ".git/hooks"), { recursive: true })
      for (const hook of ["fsmonitor-watchman", "post-index-change"]) {
        writeFileSync(join(root, ".git/hooks", hook), readFileSync(trap), { mode: 0o755 })
      }
      for (const key of ["core.fsmonitor", "core.pager", "filter.x.clean", "filter.x.process"]) {
        git(root, "config", key, trap)
      }
      writeFileSync(join(root, ".gitattributes"), "* filter=x\n")
      const { tracked, untracked } = yield* listWorkspace(root)
      assert.deepStrictEqual([tracked, untracked], [["a"], [".gitattributes"]])
      assert.isFalse(existsSync(join(folder, "sprung")))
      // It is not read at all, or this would be an error.
      writeFileSync(join(root, ".git/config"), "[nothing that git can read")
      assert.deepStrictEqual((yield* listWorkspace(root)).tracked, ["a"])
    }),
  )

  it.scoped.skipIf(process.getuid?.() !== 0)("a repository of another owner can be copied", () =>
    Effect.gen(function* () {
      const { root } = yield* repository
      writeFileSync(join(root, "a"), "a")
      chownSync(root, 4321, 4321)
      chownSync(join(root, ".git"), 4321, 4321)
      const { untracked } = yield* listWorkspace(root)
      assert.deepStrictEqual(untracked, ["a"])
    }),
  )

  it.scoped(
    "a folder without git, one that is not there, and a bare repository are invalid, and say so",
    () =>
      Effect.gen(function* () {
        const folder = yield* tempDir
        git(folder, "init", "-q", "--bare", "bare")
        for (const path of [folder, join(folder, "none"), join(folder, "bare")]) {
          const error = yield* Effect.flip(listWorkspace(path))
          assert.strictEqual(error.field, "cwd")
          assert.include(error.reason, path)
        }
      }),
  )

  it.scoped("an empty repository is an empty list", () =>
    Effect.gen(function* () {
      const { root } = yield* repository
      const { tracked, untracked } = yield* listWorkspace(root)
      assert.deepStrictEqual([tracked, untracked], [[], []])
    }),
  )

  const leaving: ReadonlyArray<readonly [string, (outside: string) => string]> = [
    ["an absolute link", (outside) => join(outside, "secret")],
    ["a relative link", () => "../outside/secret"],
    ["a link to a folder", () => "../outside"],
    ["a dangling link", () => "../nowhere"],
    ["a link over another link", () => "inner/../../outside/secret"],
  ]
  for (const [name, target] of leaving) {
    for (const tracked of [true, false]) {
      it.scoped(`${name} that leaves the tree is invalid, ${tracked ? "tracked" : "untracked"}`, () =>
        Effect.gen(function* () {
          const { root, outside } = yield* repository
          mkdirSync(join(root, "inner"))
          symlinkSync(target(outside), join(root, "escape"))
          if (tracked) git(root, "add", "escape")
          const error = yield* Effect.flip(listWorkspace(root))
          assert.include(error.reason, '"escape"')
        }),
      )
    }
  }

  it.scoped("the tar keeps modes, links, names and content, and all in it belongs to the agent", () =>
    Effect.gen(function* () {
      const { root, folder } = yield* repository
      mkdirSync(join(root, "d/e"), { recursive: true })
      const long = `${"long".repeat(40)}.txt`
      writeFileSync(join(root, "d/e", long), "x")
      writeFileSync(join(root, "new\nline é🦊"), "odd")
      writeFileSync(join(root, "empty"), "")
      writeFileSync(join(root, "run.sh"), "#!/bin/sh\n", { mode: 0o755 })
      writeFileSync(join(root, "big"), Buffer.alloc(30_000_000, 7))
      symlinkSync("d/e", join(root, "inside"))
      symlinkSync("not-there", join(root, "dangling"))
      git(root, "add", "d", "run.sh", "inside")
      const listing = yield* listWorkspace(root)
      const bytes = yield* collect(workspaceTar(listing, owner))
      const out = join(folder, "out")
      mkdirSync(out)
      execFileSync("tar", ["-x", "-C", out, "--numeric-owner"], { input: bytes })
      const at = join(out, "workspace")
      assert.sameMembers(readdirSync(at), [
        "big",
        "d",
        "dangling",
        "empty",
        "inside",
        "new\nline é🦊",
        "run.sh",
      ])
      assert.strictEqual(readFileSync(join(at, "d/e", long), "utf8"), "x")
      assert.strictEqual(statSync(join(at, "big")).size, 30_000_000)
      assert.strictEqual(statSync(join(at, "run.sh")).mode & 0o777, 0o755)
      assert.strictEqual(statSync(join(at, "empty")).mode & 0o777, 0o644)
      assert.strictEqual(readlinkSync(join(at, "inside")), "d/e")
      assert.strictEqual(readlinkSync(join(at, "dangling")), "not-there")
      const owners = execFileSync("tar", ["-tv", "--numeric-owner"], { input: bytes }).toString()
      for (const line of owners
        .trim()
        .split("\n")
        .filter((line) => /^[dl-][r-]/.test(line))) {
        assert.include(line, " 1234/1235 ")
      }
    }),
  )

  it.scoped("without a listing the workspace itself is the agent's", () =>
    Effect.gen(function* () {
      const bytes = yield* collect(workspaceTar(undefined, { ...owner, prefix: "/srv/work/" }))
      const shown = execFileSync("tar", ["-tv", "--numeric-owner"], { input: bytes }).toString()
      assert.match(shown, /^drwxr-xr-x 1234\/1235 .* srv\/work\/?\n$/)
    }),
  )

  it.scoped("a file that became a link, or lies behind one, after it was listed is not followed", () =>
    Effect.gen(function* () {
      const { root, outside } = yield* repository
      mkdirSync(join(root, "d"))
      writeFileSync(join(root, "d/secret"), "mine")
      writeFileSync(join(root, "f"), "mine")
      const listing = yield* listWorkspace(root)
      rmSync(join(root, "f"))
      symlinkSync(join(outside, "secret"), join(root, "f"))
      const direct = yield* Effect.flip(collect(workspaceTar({ ...listing, untracked: ["f"] }, owner)))
      assert.strictEqual(direct.name, "InvalidInput")
      renameSync(join(root, "d"), join(root, "was"))
      symlinkSync(outside, join(root, "d"))
      const behind = yield* Effect.flip(collect(workspaceTar({ ...listing, untracked: ["d/secret"] }, owner)))
      assert.include(behind.reason, "behind a link")
      const above = yield* Effect.flip(
        collect(workspaceTar({ ...listing, untracked: ["../outside/secret"] }, owner)),
      )
      assert.include(above.reason, "outside")
    }),
  )

  it.scoped("a file that is gone is left out; one that shrinks while it is read fails the copy", () =>
    Effect.gen(function* () {
      const { root } = yield* repository
      writeFileSync(join(root, "gone"), "x")
      writeFileSync(join(root, "shrinks"), Buffer.alloc(20_000_000))
      const listing = yield* listWorkspace(root)
      rmSync(join(root, "gone"))
      const error = yield* workspaceTar(listing, owner).pipe(
        Stream.tap(({ length }) =>
          Effect.sync(() => length > 2000 && truncateSync(join(root, "shrinks"), 10)),
        ),
        collect,
        Effect.flip,
      )
      assert.include(error.message, '"shrinks" cannot be copied')
    }),
  )

  it.scoped("a pipe in the tree is invalid and does not hang", () =>
    Effect.gen(function* () {
      const { root } = yield* repository
      writeFileSync(join(root, "p"), "x")
      git(root, "add", "p")
      rmSync(join(root, "p"))
      execFileSync("mkfifo", [join(root, "p")])
      const listed = yield* Effect.flip(listWorkspace(root))
      assert.include(listed.reason, '"p"')
      const read = yield* Effect.flip(collect(workspaceTar({ root, tracked: ["p"], untracked: [] }, owner)))
      assert.strictEqual(read.name, "InvalidInput")
    }),
  )
})
