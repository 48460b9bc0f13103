/** keepLimits: ends a run that takes too long or shows no sign of life. */
import { Clock, Duration, Effect, Option, Ref, Schedule, Schema } from "effect"
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
const USE_INTERVAL = Duration.seconds(1)

/** Waits for the first of the bottle's limits, records it in `reached` and stops the bottle. Does nothing for a bottle without limits. */
export const keepLimits = Effect.fn("keepLimits")(function* (
  backend: Backend,
  bottle: BottleMetadata,
  lastOutput: Ref.Ref<number>,
  reached: Ref.Ref<Option.Option<LimitReached>>,
) {
  const startedAt = Option.match(bottle.startedAt, { onNone: () => 0, onSome: Date.parse })
  const end = (limit: "timeout" | "idleTimeout") =>
    limitsInForce(bottle).pipe(
      Effect.flatMap(({ [limit]: value = "" }) =>
        Ref.set(reached, Option.some(new LimitReached({ slug: bottle.slug, limit, value }))),
      ),
      Effect.zipRight(BottleStore),
      Effect.flatMap((store) => store.modify(bottle.slug, (row) => withTrouble(row, { stopped: limit }))),
      Effect.ignoreLogged,
      Effect.zipRight(backend.stop(bottle.slug)),
      Effect.catchAll((error) => Effect.logWarning(error.message)),
    )
  const keep = (
    limit: "timeout" | "idleTimeout",
    value: Option.Option<string>,
    lastSign: Effect.Effect<number, never, BottleEvents | Requests>,
  ) =>
    Option.match(Option.flatMap(value, durationOf), {
      onNone: () => Effect.never,
      onSome: (length) => Effect.zipRight(untilSilent(lastSign, Duration.toMillis(length)), end(limit)),
    })
  const useKept = Effect.gen(function* () {
    yield* Effect.repeat(useLimitOf(bottle), {
      until: Option.isSome,
      schedule: Schedule.spaced(USE_INTERVAL),
    })
    // Its agent cannot go on, and usually ends by itself: what it says then is of use.
    yield* Effect.sleep(USE_GRACE)
    yield* Effect.catchAll(backend.stop(bottle.slug), (error) => Effect.logWarning(error.message))
  })
  yield* Effect.raceAll([
    keep(
      "timeout",
      bottle.timeout,
      Effect.map(addedTo(bottle), ({ minutes }) => startedAt + minutes * 60_000),
    ),
    keep("idleTimeout", bottle.idleTimeout, lastSign(bottle, startedAt, lastOutput)),
    ...(Object.keys(bottle.useLimits).length === 0 ? [] : [useKept]),
  ])
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

const untilSilent = (
  lastSign: Effect.Effect<number, never, BottleEvents | Requests>,
  length: number,
): Effect.Effect<void, never, BottleEvents | Requests> =>
  Effect.gen(function* () {
    const left = (yield* lastSign) + length - (yield* Clock.currentTimeMillis)
    if (left <= 0) return
    yield* Effect.sleep(left)
    return yield* untilSilent(lastSign, length)
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
