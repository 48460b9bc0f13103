/** sweep asks the forge repeatedly for changes, beginning at the start: it finds what lost webhooks missed. */
import { Cause, Clock, Duration, Effect, Option, Random, Ref, Struct } from "effect"
import type { DurationInput } from "effect/Duration"
import { type SweepOptions, type Swept, sweepOnce } from "./sweepOnce.ts"

/** State of a process's sweeps. Times are in milliseconds. */
export interface SweepStatus {
  /** When the last completed one began. */
  readonly sweptAt?: number
  /** What it found, for each account. */
  readonly swept?: ReadonlyArray<Swept>
  /** How many have failed since. */
  readonly failures: number
  /** Why the last one failed. */
  readonly problem?: string
  /** When the next one begins; absent while one is running. */
  readonly nextAt?: number
}

/**
 * Makes sweeps, each over all `accounts`: one account sees nothing of another's repositories. `run` never ends, and survives failures;
 * `status` is their state.
 */
export const make = (accounts: ReadonlyArray<SweepOptions>, interval: DurationInput = "5 minutes") =>
  Effect.gen(function* () {
    const every = Duration.toMillis(interval)
    const last = new Map<SweepOptions, Swept>()
    const status = yield* Ref.make<SweepStatus>({ failures: 0 })

    const once = Effect.gen(function* () {
      const sweptAt = yield* Clock.currentTimeMillis
      // All are swept, whichever fails.
      const swept = yield* Effect.validateAll(accounts, (account) =>
        Effect.tap(sweepOnce(account, last.get(account)), (found) =>
          Effect.sync(() => last.set(account, found)),
        ),
      ).pipe(Effect.mapError(([first]) => first))
      yield* Ref.set(status, { sweptAt, swept, failures: 0 })
    })

    const failed = (cause: Cause.Cause<{ readonly message: string }>) =>
      Effect.gen(function* () {
        const problem = Option.match(Cause.failureOption(cause), {
          onNone: () => Cause.pretty(cause),
          onSome: ({ message }) => message,
        })
        yield* Ref.update(status, (former) => ({ ...former, failures: former.failures + 1, problem }))
        yield* Effect.logWarning(`changes on the forge cannot be read: ${problem}`)
      })

    const rest = Effect.gen(function* () {
      const { failures } = yield* Ref.get(status)
      const delay = failures === 0 ? every : Math.min(every, FIRST_RETRY * 2 ** (failures - 1))
      // Jitter, so that services that started together do not keep sweeping together.
      const jittered = Math.round(delay * (yield* Random.nextRange(0.9, 1.1)))
      const now = yield* Clock.currentTimeMillis
      yield* Ref.update(status, (former) => ({ ...former, nextAt: now + jittered }))
      yield* Effect.sleep(jittered)
      yield* Ref.update(status, (former) => Struct.omit(former, "nextAt"))
    })

    return {
      status: Ref.get(status),
      run: Effect.forever(Effect.zipRight(Effect.catchAllCause(once, failed), rest)),
    }
  })

/** After the first failure. Each further failure doubles it, up to the sweep interval. */
const FIRST_RETRY = 5000
