/** drain: closes a server after what is in flight. */
import { Effect } from "effect"
import type { Server } from "node:http"

/** A server and its work in flight. */
export interface Drainable {
  readonly server: Server
  /** Calls `idle` whenever nothing is in flight any more. */
  readonly state: { inFlight: number; closing: boolean; idle: () => void }
  readonly stopWatching: () => void
}

/** Accepts no new connections, finishes calls in flight, then cuts everything. */
export const drain = ({ server, state, stopWatching }: Drainable, drainMs: number): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    state.closing = true
    server.close()
    server.closeIdleConnections()
    state.idle = () => resume(Effect.void)
    if (state.inFlight === 0) state.idle()
  }).pipe(
    Effect.interruptible,
    Effect.timeout(drainMs),
    Effect.ignore,
    Effect.zipRight(
      Effect.sync(() => {
        stopWatching()
        server.closeAllConnections()
      }),
    ),
  )
