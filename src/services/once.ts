/** Results that are computed once and shared. */
import { Effect, Fiber } from "effect"

/**
 * An effect that runs when its result is first asked for, and whose success is kept. It runs in a fiber of its own: with
 * `Effect.cached`, a first caller that is interrupted would leave its interruption to all later ones.
 */
export const once = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<Effect.Effect<A, E, R>> =>
  Effect.sync(() => {
    let running: Fiber.RuntimeFiber<A, E> | undefined
    const begin = Effect.forkDaemon(Effect.interruptible(self)).pipe(
      Effect.tap((fiber) =>
        Effect.sync(() => {
          running = fiber
        }),
      ),
      Effect.uninterruptible,
    )
    const forget = (fiber: Fiber.RuntimeFiber<A, E>) =>
      Effect.sync(() => {
        if (running === fiber) running = undefined
      })
    return Effect.suspend(() => (running === undefined ? begin : Effect.succeed(running))).pipe(
      Effect.flatMap((fiber) =>
        Effect.tapErrorCause(Effect.flatten(Fiber.await(fiber)), () => forget(fiber)),
      ),
    )
  })
