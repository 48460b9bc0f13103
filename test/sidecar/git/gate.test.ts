import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { TOKEN, commit, forge, gate, git, ok } from "../../support/git.ts"

describe("a repository behind the gate", () => {
  it.scopedLive(
    "is cloned, worked on, pushed and fetched again",
    () =>
      Effect.gen(function* () {
        const at = yield* forge
        const { clone, branch, entries, logText, leftOver } = yield* gate(at)
        const here = yield* clone()
        expect(readFileSync(join(here, "README.md"), "utf8")).toBe("cellar\n")
        const head = yield* commit(here, {
          "src/door.ts": "export const door = 2\n",
          "blob.bin": Buffer.alloc(9000, 7),
        })
        const pushed = yield* git(here, ["push", "origin", "HEAD"])
        expect(pushed.stderr).toContain(`[new branch]      HEAD -> ${branch}`)
        expect(pushed.code).toBe(0)
        expect(yield* ok(at.directory, ["rev-parse", `refs/heads/${branch}`])).toBe(head)
        yield* commit(here, { "README.md": "more\n" })
        expect((yield* git(here, ["push", "origin", "HEAD"])).code).toBe(0)
        yield* commit(at.seeded, { "new.txt": "by a colleague\n" })
        yield* ok(at.seeded, ["push", "-q", at.directory, "main"])
        yield* ok(here, ["fetch", "-q", "origin"])
        expect(yield* ok(here, ["show", "origin/main:new.txt"])).toBe("by a colleague")
        expect(leftOver()).toEqual([])
        expect(entries().filter(({ phase }) => phase !== undefined)).toMatchObject([
          { op: "git", phase: "begin", target: `app push refs/heads/${branch}`, commits: [head] },
          { op: "git", phase: "end", outcome: "ok" },
          { op: "git", phase: "begin" },
          { op: "git", phase: "end", outcome: "ok" },
        ])
        expect(logText()).not.toContain(TOKEN)
      }),
    180_000,
  )
})
