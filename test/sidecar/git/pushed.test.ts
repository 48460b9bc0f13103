import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { appendFileSync } from "node:fs"
import { join } from "node:path"
import type { PushOutcome } from "../../../src/sidecar/git/pushUpstream.ts"
import { openPushed } from "../../../src/sidecar/git/pushed.ts"
import { tempDir } from "../../support/tempDir.ts"

const URL = "https://git.example.com/ada/cellar.git"
const taken: PushOutcome = { report: { refs: [], messages: [] } }
const refused: PushOutcome = { ...taken, refused: "protected branch" }

describe("the branches that a bottle has pushed", () => {
  it.scoped("are known to the next sidecar; what the upstream refused is not among them", () =>
    Effect.gen(function* () {
      const path = join(yield* tempDir, "pushed")
      const first = yield* openPushed(path)
      yield* first.during(URL, ["refs/heads/a", "refs/heads/b"], Effect.succeed(taken))
      yield* first.during(URL, ["refs/heads/a", "refs/heads/c"], Effect.succeed(refused))
      for (const pushed of [first, yield* openPushed(path)]) {
        const known = ["a", "b", "c", "d"].filter((name) => pushed.has(URL, `refs/heads/${name}`))
        expect(known).toEqual(["a", "b"])
        expect(pushed.has(`${URL}2`, "refs/heads/a")).toBe(false)
      }
    }),
  )

  it.scoped("have those whose push may have come to its end, also when we did not", () =>
    Effect.gen(function* () {
      const path = join(yield* tempDir, "pushed")
      const first = yield* openPushed(path)
      const whileItRuns = Effect.flatMap(openPushed(path), (next) =>
        Effect.sync(() => expect(next.has(URL, "refs/heads/a")).toBe(true)),
      )
      yield* Effect.ignore(
        first.during(URL, ["refs/heads/a"], Effect.zipRight(whileItRuns, Effect.fail("cut off"))),
      )
      expect(first.has(URL, "refs/heads/a")).toBe(true)
      appendFileSync(path, "refs/heads/to")
      expect((yield* openPushed(path)).has(URL, "refs/heads/a")).toBe(true)
    }),
  )
})
