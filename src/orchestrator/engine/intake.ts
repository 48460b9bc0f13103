/** intake: accepts hints before it looks at issues, because a forge gives up on a webhook that is not answered within 5 seconds. */
import { Effect } from "effect"

/** How long after the last hint looks are made one after the other. In milliseconds of the process: the service's clock may jump. */
const BUSY_MS = 100

/** Tells acceptances of hints from looks. */
export interface Intake {
  /** Counts an acceptance. */
  readonly accepting: <A, E, R>(accept: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Runs a look, after other looks while hints arrive. */
  readonly looking: <A, E, R>(look: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** An intake to which nothing has come yet. `now` is for tests. */
export const makeIntake = (now = () => performance.now()): Effect.Effect<Intake> =>
  Effect.map(Effect.makeSemaphore(1), (turn) => {
    let open = 0
    let last = -Infinity
    const isBusy = () => open > 0 || now() - last < BUSY_MS
    const begin = Effect.sync(() => void (open += 1))
    const end = Effect.sync(() => {
      open -= 1
      last = now()
    })
    return {
      accepting: (accept) =>
        Effect.acquireUseRelease(
          begin,
          () => accept,
          () => end,
        ),
      looking: (look) => Effect.suspend(() => (isBusy() ? turn.withPermits(1)(look) : look)),
    }
  })
