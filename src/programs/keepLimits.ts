/** keepLimits: ends a run that takes too long or shows no sign of life. */
import { Clock, Duration, Effect, Option, Ref, Schema } from "effect"
import { durationOf } from "../domain/durationOf.ts"
import { type BottleMetadata, withTrouble } from "../domain/Bottle.ts"
import { LimitReached } from "../domain/Errors.ts"
import { UseLimit } from "../domain/usage/MeterLine.ts"
import type { Backend } from "../services/Backends.ts"
import { BottleEvents } from "../services/BottleEvents.ts"
import { BottleStore } from "../services/BottleStore.ts"
import type { Requests } from "../services/Requests.ts"
import { addedTo, limitsInForce } from "./limitsInForce.ts"

/** How long an agent may go on when no call to a model is served any more. */
export const USE_GRACE = Duration.seconds(30)
/** Milliseconds. */
const USE_INTERVAL = 5000

/** A limit of a run's time: it ends so long after its last sign. */
interface TimeLimit {
  readonly name: "timeout" | "idleTimeout"
  /** Milliseconds. */
  readonly length: number
  readonly lastSign: Effect.Effect<number, never, BottleEvents | Requests>
}

/** Waits for the first of the bottle's limits, records it in `reached` and stops the bottle. Does nothing for a bottle without limits. */
export const keepLimits = Effect.fn("keepLimits")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  lastOutput: Ref.Ref<number>,
  reached: Ref.Ref<Option.Option<LimitReached>>,
) {
  const startedAt = Option.match(bottle.startedAt, { onNone: () => 0, onSome: Date.parse })
  const stop = Effect.catchAll(backend.stop(bottle.slug), (error) => Effect.logWarning(error.message))
  const end = (limit: TimeLimit["name"]) =>
    limitsInForce(bottle).pipe(
      Effect.flatMap(({ [limit]: value = "" }) =>
        Ref.set(reached, Option.some(new LimitReached({ slug: bottle.slug, limit, value }))),
      ),
      Effect.zipRight(BottleStore),
      Effect.flatMap((store) => store.modify(bottle.slug, (row) => withTrouble(row, { stopped: limit }))),
      Effect.ignoreLogged,
      Effect.zipRight(stop),
    )
  const limited = (
    name: TimeLimit["name"],
    value: Option.Option<string>,
    lastSign: TimeLimit["lastSign"],
  ): ReadonlyArray<TimeLimit> =>
    Option.toArray(Option.flatMap(value, durationOf)).map((length) => ({
      name,
      length: Duration.toMillis(length),
      lastSign,
    }))
  const limits = [
    ...limited(
      "timeout",
      bottle.timeout,
      Effect.map(addedTo(bottle), ({ minutes }) => startedAt + minutes * 60_000),
    ),
    ...limited("idleTimeout", bottle.idleTimeout, lastSign(bottle, startedAt, lastOutput)),
  ]
  const isCounted = Object.keys(bottle.useLimits).length > 0
  if (limits.length === 0 && !isCounted) return
  // A limit's sign is read only when the end that the last one gave has come.
  const ends = new Map<TimeLimit, number>()
  for (;;) {
    if (isCounted && Option.isSome(yield* useLimitOf(bottle))) {
      // Its agent cannot go on, and usually ends by itself: what it says then is of use.
      yield* Effect.sleep(USE_GRACE)
      return yield* stop
    }
    const now = yield* Clock.currentTimeMillis
    for (const limit of limits) {
      if (now < (ends.get(limit) ?? 0)) continue
      const at = (yield* limit.lastSign) + limit.length
      if (at <= now) return yield* end(limit.name)
      ends.set(limit, at)
    }
    yield* Effect.sleep(Math.min(...ends.values(), isCounted ? now + USE_INTERVAL : Infinity) - now)
  }
})

const isUseLimit = Schema.is(UseLimit)

/** The limit of use that a run has reached, as its sidecar reported it. */
export const useLimitOf = Effect.fn("useLimitOf")(function* ({ slug, run }: BottleMetadata) {
  const found = yield* Effect.orElseSucceed((yield* BottleStore).get(slug), Option.none<BottleMetadata>)
  if (Option.isNone(found) || found.value.run !== run) return Option.none<LimitReached>()
  const { stopped } = found.value.trouble
  if (!isUseLimit(stopped)) return Option.none<LimitReached>()
  const { [stopped]: value = "" } = yield* limitsInForce(found.value)
  return Option.some(new LimitReached({ slug, limit: stopped, value: String(value) }))
})

const lastSign = (bottle: BottleMetadata, startedAt: number, lastOutput: Ref.Ref<number>) =>
  Effect.gen(function* () {
    const checkin = yield* Effect.orElseSucceed(
      (yield* BottleEvents).lastCheckin(bottle.slug),
      Option.none<string>,
    )
    return Math.max(
      startedAt,
      yield* lastOutput,
      Option.match(checkin, { onNone: () => 0, onSome: Date.parse }),
    )
  })
