/** Checks tunnels periodically: passing bytes are a sign of life, and a tunnel that is silent for too long is ended. */
import { Effect, Runtime, type Scope } from "effect"
import type { Pair } from "./splice.ts"

/** A watch over passing bytes. */
export interface PairWatch {
  /** Watches a tunnel until the returned function is called. */
  readonly joined: (pair: Pair) => () => void
  /** Records that bytes have passed elsewhere. */
  readonly passed: () => void
}

/** State of a tunnel. */
interface Watched {
  readonly pair: Pair
  bytes: number
  since: number
}

/** When one direction has ended, the other ends soon or never. */
const HALF_OPEN_MS = 60_000
const LOOK_MS = 1000

/** Checks once per second, and runs `checkIn` when any bytes have passed since. */
export const watchPairs = (
  idleMs: number,
  checkIn: Effect.Effect<void>,
): Effect.Effect<PairWatch, never, Scope.Scope> =>
  Effect.gen(function* () {
    const runFork = Runtime.runFork(yield* Effect.runtime<never>())
    const watched = new Set<Watched>()
    let hasPassed = false
    const look = () => {
      const now = Date.now()
      for (const state of watched) {
        const { client, upstream, cut } = state.pair
        const bytes = client.bytesRead + upstream.bytesRead
        const isHalf = client.readableEnded || upstream.readableEnded
        const allowed = isHalf ? Math.min(idleMs, HALF_OPEN_MS) : idleMs
        if (bytes !== state.bytes) {
          state.bytes = bytes
          state.since = now
          hasPassed = true
        } else if (now - state.since > allowed) cut(`nothing passed for ${Math.round(allowed / 1000)} s`)
      }
      if (hasPassed) runFork(checkIn)
      hasPassed = false
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => setInterval(look, Math.min(LOOK_MS, Math.max(20, idleMs / 4))).unref()),
      (timer) => Effect.sync(() => clearInterval(timer)),
    )
    return {
      joined: (pair) => {
        const state = { pair, bytes: -1, since: Date.now() }
        watched.add(state)
        return () => void watched.delete(state)
      },
      passed: () => {
        hasPassed = true
      },
    }
  })
