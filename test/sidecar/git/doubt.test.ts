import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { type Forge, commit, git, ok, stoppingHook, working } from "../../support/git.ts"

/** A commit to push, through a gate that gives up soon. */
const start = Effect.gen(function* () {
  const clone = yield* working({ times: { gitProgressMs: 5000 } })
  const head = yield* commit(clone.here, { "a.txt": "a" })
  return { ...clone, head, push: clone.push("HEAD"), last: () => clone.door.entries().at(-1) }
})

const tipOf = (at: Forge, branch: string) =>
  Effect.map(git(at.directory, ["rev-parse", `refs/heads/${branch}`]), ({ stdout }) => stdout.trim())

describe("an upstream that falls silent in the middle of a push", () => {
  it.scopedLive(
    "and has taken it, has it: the agent is told so",
    () =>
      Effect.gen(function* () {
        const { at, door, head, push, last } = yield* start
        yield* stoppingHook(at.directory, "post-receive")
        const { code, stderr } = yield* push
        expect(stderr).toContain("the upstream has the push, although: the upstream made no progress for 5 s")
        expect(code).toBe(0)
        expect(yield* tipOf(at, door.branch)).toBe(head)
        expect(last()).toMatchObject({ phase: "end", outcome: "ok" })
      }),
    180_000,
  )

  it.scopedLive(
    "and has not taken it, has not: the agent is told that it may yet, and pushes again",
    () =>
      Effect.gen(function* () {
        const { at, door, here, head, push, last } = yield* start
        const { letGo } = yield* stoppingHook(at.directory, "pre-receive")
        const { code, stderr } = yield* push
        expect(code).not.toBe(0)
        expect(stderr).toContain("asked again, the upstream does not have the push")
        expect(stderr).toContain("may take it yet: fetch before you push again")
        expect(last()).toMatchObject({
          phase: "end",
          outcome: "failed",
          detail: "the upstream is not known to have it",
        })
        yield* letGo
        yield* ok(here, ["fetch", "-q"])
        expect((yield* git(here, ["push", "origin", "HEAD"])).code).toBe(0)
        expect(yield* tipOf(at, door.branch)).toBe(head)
      }),
    180_000,
  )

  it.scopedLive(
    "and cannot be asked any more, leaves it open: the agent is told that",
    () =>
      Effect.gen(function* () {
        const { at, push, last } = yield* start
        const { begun } = yield* stoppingHook(at.directory, "post-receive")
        const pushing = yield* Effect.fork(push)
        yield* begun
        at.repositories.trouble = "down"
        const { code, stderr } = yield* Fiber.join(pushing)
        expect(code).not.toBe(0)
        expect(stderr).toContain("whether the upstream has the push is unknown")
        expect(stderr).toContain("may have taken the push, or not, and cannot be asked now")
        expect(last()).toMatchObject({ phase: "end", outcome: "failed" })
      }),
    180_000,
  )
})

describe("an upstream that is cut off when it has taken a push", () => {
  it.scopedLive(
    "has it: the agent is told so",
    () =>
      Effect.gen(function* () {
        const { at, door, head, push } = yield* start
        const { begun } = yield* stoppingHook(at.directory, "post-receive")
        const pushing = yield* Effect.fork(push)
        yield* begun
        at.repositories.cutOff()
        const { code, stderr } = yield* Fiber.join(pushing)
        expect(stderr).toContain("the upstream has the push, although")
        expect(code).toBe(0)
        expect(yield* tipOf(at, door.branch)).toBe(head)
      }),
    180_000,
  )

  for (const words of [
    "The requested URL returned error: 403",
    "ann@host: Permission denied (publickey).",
    "Create a pull request for bot-bottle/redirect",
  ])
    it.scopedLive(
      `has it, whatever the upstream's hook says: ${words}`,
      () =>
        Effect.gen(function* () {
          const { at, door, head, push } = yield* start
          const { begun } = yield* stoppingHook(at.directory, "post-receive", words)
          const pushing = yield* Effect.fork(push)
          yield* begun
          at.repositories.cutOff()
          const { code, stderr } = yield* Fiber.join(pushing)
          expect(stderr).toContain("the upstream has the push, although")
          expect(code).toBe(0)
          expect(yield* tipOf(at, door.branch)).toBe(head)
        }),
      180_000,
    )
})
