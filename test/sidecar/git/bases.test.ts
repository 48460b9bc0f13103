/** Protected paths by the result: what a ref leads to must be what its base has there now. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as actions from "../../../src/simulator/actions.ts"
import { DOOR, bottle, withIssue } from "../../support/forgeBottle.ts"
import { type Forge, commit, forge, gate, git, ok } from "../../support/git.ts"

const CI = ".gitea/workflows/ci.yml"
const SCRIPT = ".bot-bottle/run.sh"
const OTHER_SPELLING = ".GitHub/workflows/x.yml"

/** A history of the forge's: its first state is on `release`, and `main` has moved on at protected paths. */
const history = (at: Forge) =>
  Effect.gen(function* () {
    const push = ok(at.seeded, ["push", "-q", at.directory, "main", "release"])
    const old = yield* commit(at.seeded, { [CI]: "1\n", [SCRIPT]: "run\n", [OTHER_SPELLING]: "on: push\n" })
    yield* ok(at.seeded, ["branch", "release"])
    chmodSync(join(at.seeded, SCRIPT), 0o755)
    yield* ok(at.seeded, ["rm", "-q", OTHER_SPELLING])
    const now = yield* commit(at.seeded, { [CI]: "2\n" })
    yield* push
    at.repo.branches.add("release")
    return {
      old,
      now,
      /** Somebody changes a protected path on main. */
      moveOn: (text: string) => Effect.zipRight(commit(at.seeded, { [CI]: text }), push),
    }
  })

/** A merge of two commits with the tree of the second, as no agent makes it by accident. */
const mergeWithTreeOf = (here: string, one: string, other: string) =>
  ok(here, ["commit-tree", "-p", one, "-p", other, "-m", "Merges", `${other}^{tree}`])

describe("a push whose commits change no protected path", () => {
  it.scopedLive(
    "is refused when it leads to another state of them: by a merge of an old commit, or as that commit",
    () =>
      Effect.gen(function* () {
        const at = yield* forge
        const { old, moveOn } = yield* history(at)
        const door = yield* gate(at)
        const here = yield* door.clone()
        const before = yield* at.refs
        const push = (...refs: ReadonlyArray<string>) => git(here, ["push", "origin", ...refs])
        const ref = `refs/heads/${door.branch}`
        const work = yield* commit(here, { "own.txt": "own" })
        const undone = yield* mergeWithTreeOf(here, work, old)
        for (const refs of [
          [`${undone}:${ref}`],
          [`${old}:${ref}`],
          [`${work}:${ref}/fine`, `${old}:${ref}/old`],
        ]) {
          const { code, stderr } = yield* push(...refs)
          expect(code).not.toBe(0)
          expect(stderr).toContain("protected paths: merge main first")
          for (const path of [CI, SCRIPT, OTHER_SPELLING]) expect(stderr).toContain(`${path}: protected`)
          expect(yield* at.refs).toEqual(before)
        }
        expect((yield* push(`${work}:${ref}`)).stderr).toContain("[new branch]")
        // What is only stale is refused in the same way, and can be put right.
        yield* moveOn("3\n")
        yield* commit(here, { "own.txt": "more" })
        expect((yield* push(`HEAD:${ref}`)).stderr).toContain("merge main first")
        yield* ok(here, ["fetch", "-q"])
        yield* ok(here, ["merge", "-q", "--no-edit", "origin/main"])
        expect((yield* push(`HEAD:${ref}`)).code).toBe(0)
        expect(door.leftOver()).toEqual([])
      }),
    240_000,
  )

  it.scopedLive("is refused also when its base moves after git has asked where that is", () =>
    Effect.gen(function* () {
      const at = yield* forge
      yield* history(at)
      const door = yield* gate(at)
      const here = yield* door.clone()
      yield* commit(here, { "own.txt": "own" })
      // git runs it between its question and its push.
      const move = `cd '${at.seeded}' && echo 3 >${CI} && git commit -qam moved && git push -q '${at.directory}' main`
      const hook = `#!/bin/sh\nunset $(git rev-parse --local-env-vars)\n${move}\n`
      writeFileSync(join(here, ".git/hooks/pre-push"), hook, { mode: 0o755 })
      const { code, stderr } = yield* git(here, ["push", "origin", "HEAD"])
      expect(code).not.toBe(0)
      expect(stderr).toContain(`${CI}: protected`)
      expect(stderr).toContain("merge main first")
    }),
  )

  it.scopedLive(
    "is compared with the base that the operator names, also when it moves that base itself",
    () =>
      Effect.gen(function* () {
        const at = yield* forge
        const { old, now } = yield* history(at)
        const push = ["refs/heads/bot-bottle/door-abcde", "refs/heads/main"]
        const door = yield* gate(at, { git: { base: "release", push } })
        const here = yield* door.clone()
        const to = (id: string, branch: string) => git(here, ["push", "origin", `${id}:refs/heads/${branch}`])
        expect((yield* to(now, door.branch)).stderr).toContain("merge release first")
        expect((yield* to(old, door.branch)).stderr).toContain("[new branch]")
        const lost = yield* gate(at, { git: { base: "none" } })
        const there = yield* lost.clone()
        expect((yield* git(there, ["push", "origin", "HEAD"])).stderr).toContain(
          "the upstream has no branch, tag or commit none",
        )
        const own = yield* gate(at, { git: { push } })
        yield* ok(here, ["remote", "set-url", "origin", own.url])
        const fine = yield* commit(here, { "own.txt": "own" })
        expect((yield* to(fine, "main")).code).toBe(0)
        const undone = yield* mergeWithTreeOf(here, fine, old)
        expect((yield* to(undone, "main")).stderr).toContain("merge main first")
      }),
    240_000,
  )
})

describe("a pull request", () => {
  it.scopedLive(
    "makes its base the one that counts, for what is pushed and for what is opened",
    () =>
      Effect.gen(function* () {
        const at = yield* withIssue
        const { now } = yield* history(at)
        const { launch, open } = yield* bottle(at)
        const { work } = yield* launch
        const push = git(work, ["push", "origin", `HEAD:refs/heads/${DOOR}`])
        yield* commit(work, { "own.txt": "own" })
        expect((yield* push).code).toBe(0)
        const refused = (base: string) => ({
          error: { code: -32602, message: expect.stringContaining(`merge ${base} first`) },
        })
        expect(yield* open({ head: DOOR, base: "release" })).toMatchObject(refused("release"))
        expect(yield* open({ head: DOOR, base: "none" })).toMatchObject({
          error: { code: -32602, message: expect.stringContaining("no branch none") },
        })
        const theirs = actions.openPull(at.sim.state, at.repo, {
          title: "To the release too",
          head: DOOR,
          base: "release",
          author: "ada",
        })
        yield* commit(work, { "own.txt": "more" })
        expect((yield* push).stderr).toContain("merge release first")
        actions.setState(at.sim.state, theirs, "closed")
        at.sim.failNext({ kind: "status", status: 500, path: "/pulls?", times: 9 })
        expect((yield* push).stderr).toContain("its pull requests are not known")
        at.sim.forget()
        expect((yield* push).code).toBe(0)
        // At the upstream main moves on between the push and the request.
        yield* commit(at.seeded, { [CI]: "3\n" })
        yield* ok(at.seeded, ["push", "-q", at.directory, "main"])
        expect(yield* open({ head: DOOR })).toMatchObject(refused("main"))
        yield* ok(at.seeded, ["push", "-q", "--force", at.directory, `${now}:refs/heads/main`])
        expect((yield* open({ head: DOOR })).result).toMatchObject({ number: 19 })
      }),
    240_000,
  )
})

describe("a commit of a push", () => {
  it.scopedLive(
    "is refused when its message would close what is out of scope, a merge and a tag too",
    () =>
      Effect.gen(function* () {
        const at = yield* withIssue
        const { launch } = yield* bottle(at, {
          git: { push: ["refs/heads/bot-bottle/door-abcde", "refs/tags/door-*"] },
        })
        const { work } = yield* launch
        const before = yield* at.refs
        const push = (from: string, to: string) => git(work, ["push", "origin", `${from}:${to}`])
        const branch = "refs/heads/bot-bottle/door-abcde"
        const refused = (from: string, to: string, reference: string) =>
          Effect.gen(function* () {
            const { stderr } = yield* push(from, to)
            expect(stderr).toMatch(/(?:commit|tag) [0-9a-f]{10}: /)
            expect(stderr).toContain(`with "${reference}" would close, reopen or log time on it`)
            expect(yield* at.refs).toEqual(before)
          })
        const main = yield* ok(work, ["rev-parse", "HEAD"])
        yield* commit(work, { "a.txt": "a" }, "Opens the door\n\nFixes #5")
        const last = yield* commit(work, { "a.txt": "b" }, "Nothing to see")
        yield* refused(last, branch, "#5")
        const tree = yield* ok(work, ["rev-parse", "HEAD^{tree}"])
        const fine = yield* ok(work, ["commit-tree", "-p", main, "-m", "Closes #17", tree])
        const merge = yield* ok(work, [
          "commit-tree",
          "-p",
          main,
          "-p",
          fine,
          "-m",
          "reopens ada/cellar#6",
          tree,
        ])
        yield* refused(merge, branch, "ada/cellar#6")
        yield* ok(work, ["tag", "-a", "-m", "resolves #7", "door-1", fine])
        yield* refused("door-1", "refs/tags/door-1", "#7")
        expect((yield* push(fine, branch)).stderr).toContain("[new branch]")
      }),
    240_000,
  )
})
