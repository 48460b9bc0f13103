/** every: repeats an effect with a pause, without the state of a Schedule: a service has several of these for each bottle. */
import { type Duration, Effect } from "effect"

/** Runs it, and again `interval` after each end. Never ends by itself. */
export const every =
  (interval: Duration.DurationInput) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<never, E, R> =>
    Effect.forever(Effect.zipRight(effect, Effect.sleep(interval)))
