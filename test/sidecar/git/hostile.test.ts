import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { TOKEN, commit, forge, gate, git, ok, working } from "../../support/git.ts"
import { ask, pushOf } from "../../support/packs.ts"

// Made here, so that a scanner of this repository does not stop at its own test.
const githubToken = ["ghp", "_", "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3d"].join("")

/** A clone of a bottle, and what must hold after every push that was refused. */
const start = (more: Parameters<typeof gate>[1] = {}) =>
  Effect.gen(function* () {
    const { at, door, here, push } = yield* working(more)
    const before = yield* at.refs
    /** Pushes, and answers what the agent reads: nothing may have reached the upstream, nor stay here. */
    const refused = (...args: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const { code, stderr } = yield* push(...args)
        expect(code).not.toBe(0)
        expect(yield* at.refs).toEqual(before)
        expect(door.leftOver()).toEqual([])
        for (const secret of [TOKEN, githubToken]) {
          expect(stderr).not.toContain(secret)
          expect(door.logText()).not.toContain(secret)
        }
        return stderr
      })
    const reset = ok(here, ["reset", "-q", "--hard", "origin/main"])
    return { at, door, here, refused, reset }
  })

describe("a push with a secret in it", () => {
  it.scopedLive(
    "is stopped wherever the secret is, and the agent is told where",
    () =>
      Effect.gen(function* () {
        const { here, refused, reset, door, at } = yield* start()
        yield* commit(here, { "src/config.ts": `export const a = 1\nexport const key = "${githubToken}"\n` })
        expect(yield* refused("HEAD")).toContain("src/config.ts:2: secretlint-rule-github")
        // Taken out later, it is still in a commit of the push.
        yield* commit(here, { "src/config.ts": "export const a = 1\n" })
        expect(yield* refused("HEAD")).toContain("src/config.ts:2: secretlint-rule-github")
        yield* reset
        yield* commit(here, {
          "a.bin": Buffer.concat([Buffer.from("PK\u0003\u0004\0\0"), Buffer.from(TOKEN)]),
        })
        expect(yield* refused("HEAD")).toContain("a.bin:1: known-secret")
        yield* reset
        yield* commit(here, {}, `fix\n\nwith ${TOKEN}`)
        expect(yield* refused("HEAD")).toMatch(/commit \w+ \(its message or names\):\d+: known-secret/)
        yield* reset
        yield* commit(here, { [`docs/${TOKEN}.md`]: "x" })
        expect(yield* refused("HEAD")).toContain("the name of a file: known-secret")
        yield* reset
        yield* commit(here, { "x.txt": Buffer.from(`the token is ${TOKEN}!`).toString("base64") })
        expect(yield* refused("HEAD")).toContain("x.txt:1: known-secret")
        yield* reset
        yield* commit(here, { "x.txt": `half ${TOKEN.slice(9, 30)}` })
        expect(yield* refused("HEAD")).toContain("x.txt:1: known-secret")
        yield* reset
        const named = yield* git(here, ["push", "origin", `HEAD:refs/heads/${door.branch}/${TOKEN}`])
        expect(named.stderr).toContain("the name of a branch: known-secret")
        yield* git(here, ["push", "origin", `HEAD:refs/heads/${TOKEN}`])
        expect(door.logText()).not.toContain(TOKEN)
        expect((yield* at.refs).join(" ")).not.toContain(TOKEN)
      }),
    240_000,
  )

  it.scopedLive(
    "is stopped when a merge brings it in by itself, and when nothing leads to it",
    () =>
      Effect.gen(function* () {
        const { here, refused, reset, door } = yield* start()
        yield* ok(here, ["checkout", "-q", "-b", "side"])
        yield* commit(here, { "side.txt": "side" })
        yield* ok(here, ["checkout", "-q", door.branch])
        yield* commit(here, { "own.txt": "own" })
        yield* ok(here, ["merge", "-q", "--no-commit", "--no-ff", "side"])
        yield* commit(here, { "evil.txt": githubToken }, "merge")
        expect(yield* refused("HEAD")).toContain("evil.txt:1: secretlint-rule-github")
        yield* reset
        // An annotated tag on a branch, with the secret in its message: its object is in the pack.
        yield* ok(here, ["tag", "-a", "-m", TOKEN, "t"])
        expect(yield* refused("t:refs/heads/bot-bottle/door-abcde/t")).toContain("can only point to a commit")
        // The repository's own allow-lists are not heard.
        yield* commit(here, {
          ".gitleaks.toml": "[allowlist]\npaths = ['.*']\n",
          ".secretlintrc.json": '{"rules": []}',
          ".secretlintignore": "*",
          "k.txt": `// secretlint-disable\n${githubToken}`,
        })
        expect(yield* refused("HEAD")).toContain("k.txt:2")
      }),
    180_000,
  )

  it.scopedLive(
    "is not stopped by what the upstream's version of a file has already",
    () =>
      Effect.gen(function* () {
        const at = yield* forge
        yield* commit(at.seeded, { "fixtures.ts": `a\n${githubToken}\n` })
        yield* ok(at.seeded, ["push", "-q", at.directory, "main"])
        const door = yield* gate(at)
        const here = yield* door.clone()
        yield* commit(here, { "fixtures.ts": `a\nb\n${githubToken}\nc\n` })
        expect((yield* git(here, ["push", "origin", "HEAD"])).code).toBe(0)
        yield* commit(here, { "elsewhere.ts": githubToken })
        const { code, stderr } = yield* git(here, ["push", "origin", "HEAD"])
        expect(code).not.toBe(0)
        expect(stderr).toContain("elsewhere.ts:1")
      }),
    180_000,
  )
})

describe("a push out of policy", () => {
  it.scopedLive(
    "is refused: other branches, tags, deletions, force outside, options, and all that comes with them",
    () =>
      Effect.gen(function* () {
        const { here, refused, door, at } = yield* start({
          git: { push: ["refs/heads/bot-bottle/door-abcde", "refs/heads/shared"] },
        })
        const head = yield* commit(here, { "a.txt": "a" })
        expect(yield* refused("HEAD:refs/heads/main")).toContain("this bottle may push")
        expect(yield* refused("HEAD:refs/heads/bot-bottle/door-abcdef")).toContain("this bottle may push")
        expect(yield* refused("HEAD:refs/tags/v1")).toContain("this bottle may push")
        expect(yield* refused("HEAD:refs/notes/x")).toContain("this bottle may push")
        expect(yield* refused("HEAD", "HEAD:refs/heads/main")).toContain(
          "another ref of the push was refused",
        )
        expect(yield* refused(":refs/heads/main")).toContain("may not delete refs")
        expect(yield* refused("-o", "merge", "HEAD")).toContain("does not support push options")
        expect((yield* git(here, ["push", "origin", "HEAD:refs/heads/shared"])).code).toBe(0)
        expect((yield* git(here, ["push", "origin", "HEAD"])).code).toBe(0)
        yield* ok(here, ["commit", "-q", "--amend", "-m", "other"])
        const outside = yield* git(here, ["push", "--force", "origin", "HEAD:refs/heads/shared"])
        expect(outside.stderr).toContain("non-fast-forward")
        expect(yield* ok(at.directory, ["rev-parse", "refs/heads/shared"])).toBe(head)
        // Its own branch is its own.
        expect((yield* git(here, ["push", "--force", "origin", "HEAD"])).code).toBe(0)
        const gone = yield* git(here, ["push", "origin", `:refs/heads/${door.branch}`])
        expect(gone.stderr).toContain("may not delete refs")
        expect(door.entries().filter(({ outcome }) => outcome === "rejected").length).toBeGreaterThan(6)
      }),
    180_000,
  )

  it.scopedLive(
    "is refused when it touches a protected path, in any disguise",
    () =>
      Effect.gen(function* () {
        const { here, refused, reset, at } = yield* start()
        for (const path of [
          ".github/workflows/ci.yml",
          ".gitea/workflows/deep/er.yml",
          ".GitHub/Workflows/ci.yml",
          ".forgejo/workflows/x",
          ".bot-bottle/bottles/x.yaml",
          ".gi\u200dthub/workflows/ci.yml",
          ".gitea/workflows ",
        ]) {
          yield* commit(here, { [path]: "on: push\n" })
          expect(yield* refused("HEAD"), path).toContain("protected")
          yield* reset
        }
        // A link in place of the folder, or of one above it.
        mkdirSync(join(here, "ci/workflows"), { recursive: true })
        writeFileSync(join(here, "ci/workflows/x.yml"), "on: push\n")
        symlinkSync("ci", join(here, ".github"))
        yield* commit(here, {})
        expect(yield* refused("HEAD")).toContain(".github: protected")
        yield* reset
        // Moved there, and put back by a later commit.
        yield* commit(here, { "ci.yml": "on: push\n" })
        mkdirSync(join(here, ".gitea/workflows"), { recursive: true })
        yield* ok(here, ["mv", "ci.yml", ".gitea/workflows/ci.yml"])
        yield* commit(here, {})
        yield* ok(here, ["rm", "-q", "-r", ".gitea"])
        yield* commit(here, {})
        expect(yield* refused("HEAD")).toContain(".gitea/workflows/ci.yml: protected")
        yield* reset
        // What the upstream's own history changed may be merged, and not more.
        yield* commit(here, { "own.txt": "own" })
        yield* commit(at.seeded, { ".gitea/workflows/ci.yml": "on: push\n" })
        yield* ok(at.seeded, ["push", "-q", at.directory, "main"])
        yield* ok(here, ["fetch", "-q"])
        yield* ok(here, ["merge", "-q", "--no-edit", "origin/main"])
        expect((yield* git(here, ["push", "origin", "HEAD"])).stderr).toContain("[new branch]")
        yield* ok(here, ["rm", "-q", ".gitea/workflows/ci.yml"])
        yield* commit(here, {})
        expect((yield* git(here, ["push", "origin", "HEAD"])).stderr).toContain("protected")
      }),
    240_000,
  )

  it.scopedLive(
    "may touch what the manifest does not protect",
    () =>
      Effect.gen(function* () {
        const door = yield* gate(yield* forge, { git: { protectedPaths: ["secret/"] } })
        const here = yield* door.clone()
        yield* commit(here, { ".gitea/workflows/ci.yml": "on: push\n" })
        expect((yield* git(here, ["push", "origin", "HEAD"])).code).toBe(0)
        yield* commit(here, { "Secret/x": "y" })
        expect((yield* git(here, ["push", "origin", "HEAD"])).code).not.toBe(0)
      }),
    180_000,
  )

  it.scopedLive(
    "is refused when it is too large, broken, or leaves something out",
    () =>
      Effect.gen(function* () {
        const { door, here, refused, reset } = yield* start({ times: { gitBodyMax: 300_000 } })
        const noise = Buffer.from(
          Array.from({ length: 400_000 }, (_, at) => (at * at * 7919 + (at >> 3)) % 251),
        )
        yield* commit(here, {
          "noise.bin": noise,
          "more.bin": Buffer.from(noise.map((byte, at) => byte ^ (at >> 5))),
        })
        expect(yield* refused("HEAD")).toContain("remote: bot-bottle: the push: it is larger than 293 KiB")
        yield* reset
        // Small as it comes, and large unpacked.
        const zeros = Buffer.concat([pushOf([], Buffer.alloc(0)), Buffer.alloc(5_000_000)])
        expect(yield* ask(door.url, "git-receive-pack", zeros, { zip: true })).toContain("larger than")
        expect(yield* ask(door.url, "git-upload-pack", zeros, { zip: true })).toContain("too much")
        expect(door.leftOver()).toEqual([])
      }),
    180_000,
  )
})

describe("two bottles of one repository", () => {
  it.scopedLive(
    "see nothing of each other's work that is not at the upstream, by its hash neither",
    () =>
      Effect.gen(function* () {
        const at = yield* forge
        const stores = join(at.seeded, "..", `stores-${Date.now()}`)
        const one = yield* gate(at, { slug: "one-aaaaa", stores })
        const other = yield* gate(at, { slug: "two-bbbbb", stores })
        const here = yield* one.clone()
        const there = yield* other.clone()
        const hidden = yield* commit(here, { "k.txt": `${githubToken}` })
        expect((yield* git(here, ["push", "origin", "HEAD"])).code).not.toBe(0)
        for (const door of [one, other]) {
          const fetched = yield* git(there, ["fetch", door.url, hidden])
          expect(fetched.code).not.toBe(0)
        }
        // A ref to it, without the object, is no way to get it.
        const parent = yield* ok(there, ["rev-parse", "HEAD"])
        const body = pushOf(
          [{ new: hidden, ref: `refs/heads/${other.branch}` }],
          Buffer.alloc(0),
          "report-status",
        )
        const answer = yield* ask(other.url, "git-receive-pack", body)
        expect(answer).toContain("ng refs/heads/bot-bottle/two-bbbbb")
        expect(answer).toContain("leaves out objects")
        expect(yield* ok(there, ["rev-parse", "HEAD"])).toBe(parent)
        expect((yield* at.refs).join(" ")).not.toContain("two-bbbbb")
      }),
    180_000,
  )

  it.scopedLive(
    "push and fetch at once",
    () =>
      Effect.gen(function* () {
        const at = yield* forge
        const stores = join(at.seeded, "..", `stores-${Date.now()}`)
        const doors = yield* Effect.forEach(["one-aaaaa", "two-bbbbb", "six-ccccc"], (slug) =>
          gate(at, { slug, stores }),
        )
        yield* Effect.forEach(
          doors,
          (door) =>
            Effect.gen(function* () {
              const here = yield* door.clone()
              for (const n of [1, 2]) {
                yield* commit(here, { [`${door.slug}.txt`]: `${n}` })
                expect((yield* git(here, ["push", "-q", "origin", "HEAD"])).code).toBe(0)
                expect((yield* git(here, ["fetch", "-q"])).code).toBe(0)
              }
            }),
          { concurrency: 3 },
        )
        for (const door of doors) expect(yield* at.refs).toContain(`refs/heads/${door.branch}`)
      }),
    240_000,
  )
})
