/** Calls that read more than one large answer: each run makes one of a kind at a time, because only the first answer of a request waits for room. */
import { Effect } from "effect"

/** Makes the turn of one call in one run. Taken before anything is asked, so that who waits holds no room. */
export const oneAtATime = (): (<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) =>
  Effect.unsafeMakeSemaphore(1).withPermits(1)
