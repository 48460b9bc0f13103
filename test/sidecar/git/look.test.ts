import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { eachRecord, tooMuch } from "../../../src/sidecar/git/look.ts"
import { ProcessRunner } from "../../../src/services/ProcessRunner.ts"
import { commit, ok } from "../../support/git.ts"
import { tempDir } from "../../support/tempDir.ts"

it.scopedLive(
  "a listing that is longer than its bound is refused, and none of what is beyond it is kept",
  () =>
    Effect.gen(function* () {
      const work = yield* tempDir
      yield* ok(work, ["init", "-q"])
      for (const text of ["one", "two", "three"]) yield* commit(work, { "a.txt": text })
      const runner = yield* ProcessRunner
      const list = (bytesMax: number) => {
        const found: Array<string> = []
        const listing = {
          directory: join(work, ".git"),
          args: ["rev-list", "--all"],
          separator: "\n",
        } as const
        return Effect.map(
          Effect.either(eachRecord(runner, { ...listing, bytesMax }, (id) => found.push(id))),
          (result) => ({ result, found }),
        )
      }
      const whole = 3 * "1234567890123456789012345678901234567890\n".length
      expect((yield* list(whole)).found).toHaveLength(3)
      const { result, found } = yield* list(whole - 1)
      expect(result).toMatchObject({ _tag: "Left", left: tooMuch })
      expect(found.length).toBeLessThan(3)
    }).pipe(Effect.provide(NodeProcessRunner.layer)),
)
