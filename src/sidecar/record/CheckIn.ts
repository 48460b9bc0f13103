/** CheckIn records that the agent is alive: at each call, and while bytes pass. */
import { Context, Effect, Layer } from "effect"
import { closeSync, futimesSync, openSync } from "node:fs"

/** CheckIn records that the agent is alive. */
export class CheckIn extends Context.Tag("bot-bottle/sidecar/CheckIn")<CheckIn, Effect.Effect<void>>() {}

/** Updates the timestamp of a file, at most once per second. The file is created at the first call. */
export const layer = (path: string): Layer.Layer<CheckIn> =>
  Layer.scoped(
    CheckIn,
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => ({ fd: -1, last: 0 })),
        ({ fd }) => Effect.sync(() => (fd === -1 ? undefined : closeSync(fd))),
      ),
      (state) =>
        Effect.suspend(() => {
          const now = Date.now()
          if (now - state.last < 1000) return Effect.void
          state.last = now
          return Effect.ignore(
            Effect.try(() => {
              if (state.fd === -1) state.fd = openSync(path, "a", 0o600)
              futimesSync(state.fd, now / 1000, now / 1000)
            }),
          )
        }),
    ),
  )
