/** The room for the forge's answers: what counts of a request that reads several, and that nobody waits for ever. */
import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Ref } from "effect"
import { ANSWER_BYTES_MAX, makeRoom } from "../../../src/sidecar/http/room.ts"

const MIB = 1024 * 1024
const large = Effect.sync(() => "x".repeat(ANSWER_BYTES_MAX))

it.live("a large answer counts also when it is not the first of its request, until the request is over", () =>
  Effect.gen(function* () {
    const room = makeRoom()
    const places = [room.answers(), room.answers(), room.answers()]
    for (const place of places) {
      yield* place.within(Effect.succeed("small"), 5)
      yield* place.within(large, undefined)
      // One that is known to be small waits for nothing, and what was counted before stays.
      yield* place.within(Effect.succeed("small"), 5)
    }
    const begun = yield* Deferred.make<void>()
    const next = yield* Effect.fork(
      room.answers().within(Effect.zipRight(Deferred.succeed(begun, undefined), large), undefined),
    )
    for (let n = 0; n < 20; n++) yield* Effect.yieldNow()
    expect(yield* Deferred.isDone(begun)).toBe(false)
    places[0]?.give()
    yield* Fiber.join(next)
  }),
)

it.live("requests that hold all the room, and each need more, do not wait for each other", () =>
  Effect.gen(function* () {
    const room = makeRoom()
    const held = yield* Ref.make(0)
    const all = yield* Deferred.make<void>()
    const one = Effect.gen(function* () {
      const place = room.answers()
      yield* place.within(Effect.succeed("x".repeat(2 * MIB)), 2 * MIB)
      if ((yield* Ref.updateAndGet(held, (n) => n + 1)) === 8) yield* Deferred.succeed(all, undefined)
      yield* Deferred.await(all)
      yield* place.within(large, undefined)
      place.give()
    })
    yield* Effect.replicateEffect(one, 8, { concurrency: "unbounded", discard: true }).pipe(
      Effect.timeout("5 seconds"),
    )
    // Nothing was lost: the whole room is free again.
    yield* Effect.replicateEffect(
      Effect.suspend(() => room.answers().within(Effect.succeed("x".repeat(4 * MIB)), undefined)),
      4,
    ).pipe(Effect.timeout("5 seconds"))
  }),
)
