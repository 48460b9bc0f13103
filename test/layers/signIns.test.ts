/** SignIns keeps its contract in memory and in SQLite. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { join } from "node:path"
import * as MemorySignIns from "../../src/layers/memory/MemorySignIns.ts"
import * as SqliteSignIns from "../../src/layers/sqlite/SqliteSignIns.ts"
import { SESSIONS_MAX, SignIns } from "../../src/services/SignIns.ts"
import { tempDir } from "../support/tempDir.ts"

const onDisk = Layer.unwrapScoped(
  Effect.map(tempDir, (dir) => SqliteSignIns.layer({ filename: join(dir, "bot-bottle.db") })),
)
const session = (digest: string, operator = "ada") => ({ digest, operator, proof: "p", until: 1000 })

for (const [name, layer] of [
  ["memory", MemorySignIns.layer],
  ["SQLite", onDisk],
] as const) {
  describe(`SignIns over ${name}`, () => {
    it.effect("gives a code's operator to one of those who take it, and to nobody once it has expired", () =>
      Effect.gen(function* () {
        const { addCode, takeCode } = yield* SignIns
        yield* addCode({ digest: "one", operator: "ada", until: 1000 })
        yield* addCode({ digest: "old", operator: "ada", until: 1000 })
        const taken = yield* Effect.forEach(Array.from({ length: 20 }), () => takeCode("one", 999), {
          concurrency: "unbounded",
        })
        expect(taken.filter(Option.isSome)).toEqual([Option.some("ada")])
        expect([yield* takeCode("old", 1000), yield* takeCode("old", 1)]).toEqual([
          Option.none(),
          Option.none(),
        ])
        expect(yield* takeCode("none", 1)).toEqual(Option.none())
      }).pipe(Effect.provide(layer)),
    )

    it.effect("keeps a session until it expires or is ended, and only the newest of one operator", () =>
      Effect.gen(function* () {
        const signIns = yield* SignIns
        const known = (digest: string, now = 999) => Effect.map(signIns.session(digest, now), Option.isSome)
        yield* signIns.addSession(session("eves", "eve"))
        for (let n = 0; n <= SESSIONS_MAX; n += 1) yield* signIns.addSession(session(`adas-${n}`))
        expect(yield* signIns.session("eves", 999)).toEqual(Option.some({ operator: "eve", proof: "p" }))
        expect([yield* known("adas-0"), yield* known("adas-1"), yield* known("adas-2", 1000)]).toEqual([
          false,
          true,
          false,
        ])
        yield* signIns.endSession("adas-1")
        yield* signIns.endSession("adas-1")
        expect(yield* known("adas-1")).toBe(false)
        yield* signIns.forget(999)
        expect(yield* known("adas-2")).toBe(true)
        yield* signIns.forget(1000)
        expect(yield* known("adas-2")).toBe(false)
      }).pipe(Effect.provide(layer)),
    )
  })
}
