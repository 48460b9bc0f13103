/** `open_pr` where the forge's own repository is behind the git gate: a Gitea, git and sidecars as they are. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { rmSync } from "node:fs"
import { join } from "node:path"
import * as actions from "../../../src/simulator/actions.ts"
import { DOOR, LOCK, OWN, bottle, push, withIssue } from "../../support/forgeBottle.ts"
import { type Forge, commit, git, ok } from "../../support/git.ts"

const ISSUE = 17

const pulls = ({ repo }: Forge) => [...repo.issues.values()].filter(({ pull }) => pull !== undefined)

const notPushed = { error: { code: -32602, message: expect.stringContaining("has not pushed") } }

describe("a pull request", () => {
  it.scopedLive(
    "comes from a branch that this bottle has pushed, is writable at once, and closes its issue when it is merged",
    () =>
      Effect.gen(function* () {
        const at = yield* withIssue
        const { launch, open, call, told } = yield* bottle(at)
        const { work } = yield* launch
        yield* ok(at.seeded, ["push", "-q", at.directory, `main:refs/heads/${LOCK}`])
        at.repo.branches.add(LOCK)
        expect(yield* open({ head: DOOR })).toMatchObject(notPushed)
        expect(yield* open({ head: LOCK })).toMatchObject(notPushed)
        expect(yield* told).toEqual([])
        yield* push(work, DOOR)
        const opened = yield* Effect.all(
          [open({ head: DOOR, body: "Closes #17" }), open({ head: DOOR, body: "Closes #17", base: "main" })],
          { concurrency: 2 },
        )
        const [pull, ...others] = pulls(at)
        expect(others).toEqual([])
        expect(opened).toMatchObject([
          { result: { number: pull?.number } },
          { result: { number: pull?.number } },
        ])
        expect(pull).toMatchObject({ body: "Closes #17", pull: { head: DOOR, base: "main" } })
        expect(yield* told).toEqual([pull?.number])
        expect((yield* call("post_comment", { number: pull?.number, body: "see" })).error).toBeUndefined()
        if (pull !== undefined) actions.merge(at.sim.state, pull, 1)
        expect(at.repo.issues.get(ISSUE)?.state).toBe("closed")
      }),
  )

  it.scopedLive(
    "comes from where the manifest lets this bottle push, and not from what the forge refused or had already",
    () =>
      Effect.gen(function* () {
        const at = yield* withIssue
        yield* at.repositories.protect("ada", "cellar", "topic/kept")
        const { launch, open, claim } = yield* bottle(at, { git: { push: ["refs/heads/topic/*"] } })
        const { work } = yield* launch
        expect(yield* open({ head: OWN })).toMatchObject({
          error: { code: -32001, message: expect.stringContaining("refs/heads/topic/*") },
        })
        at.repo.branches.add("topic/kept")
        expect((yield* push(work, "topic/kept")).stderr).toContain("Not allowed to push to protected branch")
        expect(yield* open({ head: "topic/kept" })).toMatchObject(notPushed)
        yield* ok(at.seeded, ["push", "-q", at.directory, "main:refs/heads/topic/theirs"])
        at.repo.branches.add("topic/theirs")
        const tip = yield* ok(at.seeded, ["rev-parse", "main"])
        expect((yield* claim("refs/heads/topic/theirs", tip)).text).toContain("refs/heads/topic/theirs")
        expect(yield* open({ head: "topic/theirs" })).toMatchObject(notPushed)
        yield* push(work, "topic/door")
        expect((yield* open({ head: "topic/door" })).result).toMatchObject({ number: 18 })
      }),
  )

  it.scopedLive("is the one of an earlier sidecar, also of one that died before it could say so", () =>
    Effect.gen(function* () {
      const at = yield* withIssue
      const { launch, open, told, call, stateDir } = yield* bottle(at)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { work } = yield* launch
          yield* push(work, DOOR)
          yield* push(work, LOCK)
        }),
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* launch
          expect((yield* open({ head: DOOR, body: "Closes #17" })).result).toEqual({ number: 18 })
        }),
      )
      rmSync(join(stateDir, "prs"))
      rmSync(join(stateDir, "queue"), { recursive: true })
      yield* launch
      expect((yield* open({ head: LOCK })).result).toEqual({ number: 18 })
      expect(yield* told).toEqual([18])
      expect((yield* call("post_comment", { number: 18, body: "see" })).error).toBeUndefined()
      expect(pulls(at)).toHaveLength(1)
    }),
  )

  it.scopedLive("is another one when the first was closed or deleted", () =>
    Effect.gen(function* () {
      const at = yield* withIssue
      const { launch, open } = yield* bottle(at)
      const { work } = yield* launch
      yield* push(work, OWN)
      expect((yield* open({ head: OWN })).result).toEqual({ number: 18 })
      const [first] = pulls(at)
      if (first !== undefined) actions.setState(at.sim.state, first, "closed")
      expect((yield* open({ head: OWN })).result).toEqual({ number: 19 })
      at.repo.issues.delete(19)
      at.repo.issues.delete(18)
      expect((yield* open({ head: OWN, body: "again" })).result).toEqual({ number: 18 })
    }),
  )

  it.scopedLive(
    "goes to the base that the operator named for the repository, unless the agent names another",
    () =>
      Effect.gen(function* () {
        const at = yield* withIssue
        yield* ok(at.seeded, ["push", "-q", at.directory, "main:refs/heads/dev", "main:refs/heads/release"])
        for (const branch of ["dev", "release"]) at.repo.branches.add(branch)
        const { launch, open } = yield* bottle(at, { base: "dev" })
        const { work } = yield* launch
        yield* push(work, DOOR)
        yield* push(work, LOCK)
        const first = (yield* open({ head: DOOR })).result
        expect(pulls(at).map(({ pull }) => pull?.base)).toEqual(["dev"])
        const [only] = pulls(at)
        if (only !== undefined) actions.setState(at.sim.state, only, "closed")
        expect((yield* open({ head: LOCK, base: "release" })).result).not.toEqual(first)
        expect(pulls(at).map(({ pull }) => pull?.base)).toEqual(["dev", "release"])
      }),
  )

  it.scopedLive("that is a stranger's is not taken over, whatever it says it closes", () =>
    Effect.gen(function* () {
      const at = yield* withIssue
      const { launch, open, call } = yield* bottle(at)
      const { work } = yield* launch
      yield* push(work, DOOR)
      yield* push(work, LOCK)
      const theirs = actions.openPull(at.sim.state, at.repo, {
        title: "Mine",
        body: "Closes #17",
        head: DOOR,
        author: "eve",
      })
      expect(yield* open({ head: DOOR })).toMatchObject({
        error: { code: -32002, data: { status: 409, operation: "openPr" } },
      })
      expect((yield* open({ head: LOCK })).result).toEqual({ number: 19 })
      expect(yield* call("post_comment", { number: theirs.number, body: "x" })).toMatchObject({
        error: { code: -32001 },
      })
    }),
  )
})

describe("the head of a PR that the operator named", () => {
  it.scopedLive(
    "may be pushed when it is a branch of the same repository, and never the default branch or a protected one",
    () =>
      Effect.gen(function* () {
        const at = yield* withIssue
        const numbers = { stranger: 61, default: 62, guarded: 63, fork: 64, closed: 65, unnamed: 66 }
        const heads = [
          [numbers.stranger, "stranger/fix-it"],
          [numbers.default, "main"],
          [numbers.guarded, "release"],
          [numbers.fork, "forked"],
          [numbers.closed, "closed"],
          [numbers.unnamed, "unnamed"],
        ] as const
        for (const [number, head] of heads) {
          if (head !== "main") yield* ok(at.seeded, ["push", "-q", at.directory, `HEAD:refs/heads/${head}`])
          at.sim.state.addPull(at.repo, {
            number,
            title: head,
            head,
            author: "eve",
            ...(number === numbers.fork && { headRepoId: 999 }),
            ...(number === numbers.closed && { state: "closed" }),
          })
        }
        at.repo.protectedBranches.add("release")
        const { unnamed: _unnamed, ...named } = numbers
        const one = yield* bottle(at, { prNumbers: Object.values(named) })
        const { work } = yield* one.launch
        yield* commit(work, { "door.txt": "open\n" })
        const codes = yield* Effect.forEach(heads, ([, head]) =>
          Effect.map(git(work, ["push", "origin", `HEAD:refs/heads/${head}`]), ({ code }) => [
            head,
            code === 0,
          ]),
        )
        expect(codes).toEqual(heads.map(([, head]) => [head, head === "stranger/fix-it"]))
        expect(
          (yield* one.call("post_comment", { number: numbers.stranger, body: "pushed" })).result,
        ).toBeDefined()
      }),
    180_000,
  )
})
