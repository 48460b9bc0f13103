/** An act between its two lines, over a real log whose disk takes what the test lets it take. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option } from "effect"
import { readFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { type Act, around } from "../../../src/sidecar/record/around.ts"
import { verifyChain } from "../../../src/sidecar/record/OperationChain.ts"
import * as OperationLog from "../../../src/sidecar/record/OperationLog.ts"
import { tempDir } from "../../support/tempDir.ts"

const act: Act<string, string> = {
  op: "git",
  target: "cellar push",
  detail: "pushing",
  ended: (exit) =>
    Exit.match(exit, {
      onSuccess: (detail) => Option.some({ outcome: "ok", detail }),
      onFailure: (cause) =>
        cause._tag === "Fail"
          ? Option.some({ outcome: "failed", reason: cause.error, detail: "not pushed" })
          : Option.none(),
    }),
}

/** A log that takes so many lines, and what is in it. */
const logOf = (taken: number) =>
  Effect.gen(function* () {
    const path = join(yield* tempDir, "operations.jsonl")
    let left = taken
    const log = yield* OperationLog.open(path, (fd, bytes) => ((left -= 1) < 0 ? 0 : writeSync(fd, bytes)))
    const lines = () =>
      readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
    return { log, lines }
  })

describe("an act between its two lines", () => {
  it.scoped("has a begin before it is done, and an end that names the begin", () =>
    Effect.gen(function* () {
      const { log, lines } = yield* logOf(9)
      const seen = yield* around(log)(
        { ...act, ended: () => Option.some({ outcome: "ok", detail: "pushed" }) },
        Effect.sync(() => lines().map((line) => JSON.parse(line))),
      )
      expect(seen).toMatchObject([{ seq: 1, phase: "begin", op: "git", detail: "pushing" }])
      expect(yield* Effect.exit(around(log)(act, Effect.fail("went away")))).toEqual(Exit.fail("went away"))
      expect(lines().map((line) => JSON.parse(line))).toMatchObject([
        { phase: "begin" },
        { phase: "end", begin: 1, outcome: "ok", detail: "pushed", target: "cellar push" },
        { phase: "begin" },
        { phase: "end", begin: 3, outcome: "failed", reason: "went away", detail: "not pushed" },
      ])
      expect(verifyChain(lines()).ok).toBe(true)
    }),
  )

  it.scoped("is not done when its begin cannot be written", () =>
    Effect.gen(function* () {
      const { log, lines } = yield* logOf(0)
      const failure = yield* Effect.flip(
        around(log)(
          act,
          Effect.sync(() => expect.fail("it was done")),
        ),
      )
      expect(failure).toMatchObject({ _tag: "LogUnwritable" })
      expect(lines()).toEqual([])
    }),
  )

  it.scoped("keeps its result when its end cannot be written", () =>
    Effect.gen(function* () {
      const { log, lines } = yield* logOf(1)
      expect(yield* around(log)(act, Effect.succeed("pushed"))).toBe("pushed")
      expect(lines()).toHaveLength(1)
    }),
  )

  it.scoped("has no end when it was cut off and nobody knows how it ended", () =>
    Effect.gen(function* () {
      const { log, lines } = yield* logOf(9)
      const begun = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        around(log)(act, Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)),
      )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      expect(lines().map((line) => JSON.parse(line).phase)).toEqual(["begin"])
      expect(verifyChain(lines()).ok).toBe(true)
    }),
  )
})
