/** Pages that several operators look at are read once for each change. */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, TestClock } from "effect"
import { sharedPages } from "../../../src/orchestrator/http/sharedPages.ts"
import { StoreRevision } from "../../../src/services/StoreRevision.ts"

/** Pages over a revision that is set by hand. Each answer has the number of the reading that it is from. */
const pages = Effect.gen(function* () {
  const at = { revision: "1" as string | undefined, readings: 0, wait: Effect.void }
  const share = yield* sharedPages({
    hold: "1 second",
    nameOf: (request) => request.headers["x-name"] ?? "",
  }).pipe(
    Effect.provideService(
      StoreRevision,
      Effect.sync(() => at.revision),
    ),
  )
  const app = share(
    Effect.suspend(() => {
      const answer = HttpServerResponse.unsafeJson((at.readings += 1))
      return Effect.as(at.wait, answer)
    }),
  )
  const ask = (path: string, { method = "GET", name = "ada" } = {}) =>
    app.pipe(
      Effect.map(({ body }) =>
        body._tag === "Uint8Array" ? Number(new TextDecoder().decode(body.body)) : 0,
      ),
      Effect.provideService(
        HttpServerRequest.HttpServerRequest,
        HttpServerRequest.fromWeb(
          new Request(`http://127.0.0.1${path}`, { method, headers: { "x-name": name } }),
        ),
      ),
    )
  return { at, ask }
})

it.effect("a page is read again after a change, after an order, and when it is a poll old", () =>
  Effect.gen(function* () {
    const { at, ask } = yield* pages
    expect([yield* ask("/bottles"), yield* ask("/bottles"), yield* ask("/bottles")]).toEqual([1, 1, 1])
    expect(yield* ask("/bottles?limit=2")).toBe(2)
    at.revision = "2"
    expect([yield* ask("/bottles"), yield* ask("/bottles")]).toEqual([3, 3])
    expect(yield* ask("/bottles/a-11111/stop", { method: "POST" })).toBe(4)
    expect([yield* ask("/bottles"), yield* ask("/bottles")]).toEqual([5, 5])
    yield* TestClock.adjust("999 millis")
    expect(yield* ask("/bottles")).toBe(5)
    yield* TestClock.adjust("1 millis")
    expect(yield* ask("/bottles")).toBe(6)
    yield* TestClock.setTime(0)
    expect(yield* ask("/bottles")).toBe(7)
  }),
)

it.effect("a change or an order while a page is read makes that answer one for those who asked for it", () =>
  Effect.gen(function* () {
    const { at, ask } = yield* pages
    for (const change of [Effect.sync(() => (at.revision = "2")), ask("/pause", { method: "POST" })]) {
      const go = yield* Deferred.make<void>()
      at.wait = Deferred.await(go)
      const asking = yield* Effect.fork(ask("/issues"))
      yield* Effect.yieldNow()
      at.wait = Effect.void
      yield* change
      yield* Deferred.succeed(go, undefined)
      const read = yield* Fiber.join(asking)
      expect(yield* ask("/issues")).toBeGreaterThan(read)
    }
  }),
)

it.effect("who asks while a page is read waits for it, also when the first one leaves", () =>
  Effect.gen(function* () {
    const { at, ask } = yield* pages
    const go = yield* Deferred.make<void>()
    at.wait = Deferred.await(go)
    const asking = yield* Effect.forEach([1, 2, 3], () => Effect.fork(ask("/usage")))
    yield* Effect.yieldNow()
    const [first, ...others] = asking
    if (first !== undefined) yield* Fiber.interrupt(first)
    yield* Deferred.succeed(go, undefined)
    expect(yield* Effect.forEach(others, Fiber.join)).toEqual([2, 2])
  }),
)

it.effect(
  "nothing else is shared: logs, output, metrics, another operator's status, stores that cannot tell",
  () =>
    Effect.gen(function* () {
      const { at, ask } = yield* pages
      const isShared = Effect.fnUntraced(function* (path: string) {
        return (yield* ask(path)) === (yield* ask(path, { name: "bob" }))
      })
      for (const path of ["/issues?all=true", "/issues/ada/cellar/17/timeline", "/bottles/a-11111", "/usage"])
        expect([path, yield* isShared(path)]).toEqual([path, true])
      for (const path of [
        "/status",
        "/status?",
        "/metrics",
        "/events",
        "/provenance?owner=a",
        "/bottles/a-11111/log?limit=2",
        "/bottles/a-11111/log/live",
        "/bottles/a-11111/runs/1/output?from=0",
        "/bottles/a-11111/runs/1/output/live",
        "/issuesx",
      ])
        expect([path, yield* isShared(path)]).toEqual([path, false])
      expect(yield* ask("/status")).toBe(yield* ask("/status"))
      at.revision = undefined
      expect(yield* isShared("/usage")).toBe(false)
    }),
)
