/** A service at rest reads its tables only when something was stored, when a time has come, and once a minute. */
import { expect, it } from "@effect/vitest"
import { Effect, Layer, TestClock } from "effect"
import { join } from "node:path"
import * as SqliteOrchestratorStores from "../../src/layers/sqlite/SqliteOrchestratorStores.ts"
import { whenStored } from "../../src/orchestrator/whenStored.ts"
import { Inbox } from "../../src/services/Inbox.ts"
import { ServiceState } from "../../src/services/ServiceState.ts"
import { StoreRevision } from "../../src/services/StoreRevision.ts"
import { hint } from "../support/life.ts"
import { tempDir } from "../support/tempDir.ts"

/** A gate over a revision that is set by hand, and how often its pass was made. */
const gate = Effect.gen(function* () {
  const at = { revision: "1" as string | undefined, next: null as number | null, wanted: false, passes: 0 }
  const failing = { now: false }
  const pass = Effect.suspend(() => {
    at.passes += 1
    return failing.now ? Effect.fail("no table") : Effect.succeed(at.next)
  })
  const tick = yield* whenStored(pass, () => at.wanted).pipe(
    Effect.provideService(
      StoreRevision,
      Effect.sync(() => at.revision),
    ),
  )
  const passesIn = (effect: Effect.Effect<unknown, unknown>) =>
    Effect.suspend(() => {
      at.passes = 0
      return Effect.map(Effect.ignore(effect), () => at.passes)
    })
  return { at, failing, tick, passesIn }
})

it.effect("a pass is made after a change, when it is wanted, and otherwise once a minute", () =>
  Effect.gen(function* () {
    const { at, tick, passesIn } = yield* gate
    expect(yield* passesIn(tick)).toBe(1)
    expect(yield* passesIn(Effect.zipRight(tick, tick))).toBe(0)
    at.revision = "2"
    expect(yield* passesIn(Effect.zipRight(tick, tick))).toBe(1)
    at.wanted = true
    expect(yield* passesIn(Effect.zipRight(tick, tick))).toBe(2)
    at.wanted = false
    yield* TestClock.adjust("59 seconds")
    expect(yield* passesIn(tick)).toBe(0)
    yield* TestClock.adjust("1 seconds")
    expect(yield* passesIn(Effect.zipRight(tick, tick))).toBe(1)
  }),
)

it.effect("a pass is made at the time that the last one named, and again after one that failed", () =>
  Effect.gen(function* () {
    const { at, failing, tick, passesIn } = yield* gate
    at.next = 5000
    expect(yield* passesIn(tick)).toBe(1)
    yield* TestClock.adjust("4999 millis")
    expect(yield* passesIn(tick)).toBe(0)
    yield* TestClock.adjust("1 millis")
    at.next = null
    expect(yield* passesIn(Effect.zipRight(tick, tick))).toBe(1)
    failing.now = true
    at.revision = "2"
    expect(yield* passesIn(tick)).toBe(1)
    expect(yield* passesIn(tick)).toBe(1)
    failing.now = false
    expect(yield* passesIn(Effect.zipRight(tick, tick))).toBe(1)
  }),
)

it.effect(
  "a clock that was set back delays no pass by more than a minute, and stores that cannot tell none",
  () =>
    Effect.gen(function* () {
      const { at, tick, passesIn } = yield* gate
      yield* TestClock.setTime(10 * 3_600_000)
      expect(yield* passesIn(tick)).toBe(1)
      yield* TestClock.setTime(1)
      expect(yield* passesIn(Effect.zipRight(tick, tick))).toBe(1)
      at.revision = undefined
      expect(yield* passesIn(Effect.zipRight(tick, tick))).toBe(2)
    }),
)

it.scoped(
  "the revision of the stores on SQLite changes with each write of this and of other processes, and with no read",
  () =>
    Effect.gen(function* () {
      const filename = join(yield* tempDir, "bot-bottle.db")
      const open = Layer.build(Layer.fresh(SqliteOrchestratorStores.layer({ filename })))
      const [own, other] = [yield* open, yield* open]
      const revision = Effect.provide(Effect.flatten(StoreRevision), own)
      const first = yield* revision
      yield* Effect.provide(
        Effect.flatMap(Inbox, (inbox) => inbox.waiting({ limit: 10 })),
        own,
      )
      expect(yield* revision).toBe(first)
      yield* Effect.provide(
        Effect.flatMap(Inbox, (inbox) => inbox.accept(hint("own"))),
        own,
      )
      const second = yield* revision
      expect(second).not.toBe(first)
      yield* Effect.provide(
        Effect.flatMap(ServiceState, (state) => state.pause(1)),
        other,
      )
      expect(yield* revision).not.toBe(second)
    }),
)
