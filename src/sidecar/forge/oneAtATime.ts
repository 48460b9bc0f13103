/**
 * Runs calls that read more than one large response one at a time per kind and run, because only the first response of a request waits
 * for room.
 */
import { Effect } from "effect"

/** A lock for one call in one run. Taken before any request, so that a waiting call holds no room. */
export const oneAtATime = (): (<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) =>
  Effect.unsafeMakeSemaphore(1).withPermits(1)
