/** Viewers of the events share one reading of the history, wherever each of them begins. */
import { expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Layer, Stream, TestClock } from "effect"
import { join } from "node:path"
import * as SqliteOrchestratorStores from "../../../src/layers/sqlite/SqliteOrchestratorStores.ts"
import { Tail } from "../../../src/orchestrator/http/handle/Tail.ts"
import { History } from "../../../src/services/History.ts"
import { tempDir } from "../../support/tempDir.ts"

const made = Effect.gen(function* () {
  const stores = yield* Layer.build(
    SqliteOrchestratorStores.layer({ filename: join(yield* tempDir, "state.db") }),
  )
  const reads = { count: 0 }
  const history = yield* Effect.provide(History, stores)
  const counted = History.of({
    ...history,
    all: (page) =>
      Effect.suspend(() => {
        reads.count += 1
        return history.all(page)
      }),
  })
  const context = yield* Layer.build(Layer.provide(Tail.layer("1 second"), Layer.succeed(History, counted)))
  const add = (count: number) =>
    Effect.replicateEffect(
      history.add({
        at: 1,
        issue: null,
        event: { _tag: "Ordered", operator: "ada", action: "pause", target: "" },
      }),
      count,
      { discard: true },
    )
  const tail = yield* Effect.provide(Tail, context)
  /** The numbers of the next entries after one. */
  const view = (seq: number, count: number) =>
    tail.after(seq).pipe(
      Stream.take(count),
      Stream.map((text) => Number(/^id: (\d+)\n/.exec(text)?.[1])),
      Stream.runCollect,
      Effect.map(Chunk.toReadonlyArray),
      Effect.fork,
    )
  return { add, view, reads }
})

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

it.scoped("what is stored is read once for all viewers", () =>
  Effect.gen(function* () {
    const { add, view, reads } = yield* made
    yield* add(3)
    const viewers = yield* Effect.replicateEffect(view(3, 4), 20)
    yield* TestClock.adjust("1 second")
    reads.count = 0
    yield* add(2)
    yield* TestClock.adjust("1 second")
    yield* add(2)
    yield* TestClock.adjust("1 second")
    expect(yield* Fiber.join(Fiber.all(viewers))).toEqual(viewers.map(() => [4, 5, 6, 7]))
    expect(reads.count).toBe(2)
  }),
)

it.scoped("each viewer gets every entry once, from far behind, behind a burst, and after nobody viewed", () =>
  Effect.gen(function* () {
    const { add, view } = yield* made
    yield* add(250)
    const early = yield* view(0, 600)
    const late = yield* view(250, 350)
    yield* TestClock.adjust("1 second")
    yield* add(50)
    yield* TestClock.adjust("1 second")
    yield* add(70)
    yield* TestClock.adjust("1 second")
    const middle = yield* view(240, 360)
    yield* add(230)
    yield* TestClock.adjust("5 seconds")
    expect(yield* Fiber.join(early)).toEqual(numbers(1, 600))
    expect(yield* Fiber.join(late)).toEqual(numbers(251, 600))
    expect(yield* Fiber.join(middle)).toEqual(numbers(241, 600))
    yield* add(130)
    const again = yield* view(729, 3)
    yield* add(2)
    yield* TestClock.adjust("2 seconds")
    expect(yield* Fiber.join(again)).toEqual([730, 731, 732])
  }),
)
