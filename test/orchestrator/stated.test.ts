/** What the statement about a run says of the service: who caused the run, and that the watchdog ended it. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, TestClock } from "effect"
import { decodeStatement } from "../../src/domain/Provenance.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { ProvenanceStore } from "../../src/services/ProvenanceStore.ts"
import { hint, makeWorld, prOf, says, targets, type World, type WorldOptions } from "./world.ts"

/** A world that is served, with its issue targeted. */
const targeted = Effect.fnUntraced(function* (options: WorldOptions = {}) {
  const world = yield* makeWorld(options)
  const { engine } = yield* world.serve
  const passes = (seconds: number) => Effect.zipRight(TestClock.adjust(`${seconds} seconds`), engine.idle)
  yield* targets(world)
  yield* engine.hint(hint("targeted"))
  yield* passes(20)
  return { world, engine, passes }
})

const stated = ({ context }: World) =>
  Effect.gen(function* () {
    const [row] = yield* (yield* BottleStore).all
    if (row === undefined) throw new Error("there is no bottle")
    const statements = yield* (yield* ProvenanceStore).of(row.slug)
    return statements.map(({ payload, envelope }) => {
      expect(envelope).not.toBeNull()
      const { run, launched, trouble } = Option.getOrThrow(decodeStatement(payload)).predicate
      return { run, trigger: launched?.trigger, trouble }
    })
  }).pipe(Effect.provide(context))

describe("the statement about a run of the service", () => {
  it.scoped("names who labelled and assigned, and then whose comment resumed it, but no stranger", () =>
    Effect.gen(function* () {
      const { world, engine, passes } = yield* targeted({ settle: 5_000 })
      for (const [login, body] of [
        ["eve", "Use plastic."],
        ["ada", "Use oak."],
      ] as const)
        yield* says(world, login, prOf(world), body)
      yield* engine.hint(hint("comment"))
      yield* passes(20)
      yield* passes(20)
      expect(yield* stated(world)).toEqual([
        { run: 1, trigger: { by: "service", cause: "targeted", logins: ["ada"] }, trouble: {} },
        { run: 2, trigger: { by: "service", cause: "remarks", logins: ["ada"] }, trouble: {} },
      ])
    }),
  )

  it.scoped("says that the watchdog ended it", () =>
    Effect.gen(function* () {
      const { world, passes } = yield* targeted({
        agent: () => Effect.never,
        life: { watchdog: 4 * 60_000 },
      })
      yield* passes(300)
      expect(yield* stated(world)).toMatchObject([{ run: 1, trouble: { watchdog: true } }])
    }),
  )
})
