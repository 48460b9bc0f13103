/** around: an act between two lines of the operation log. What cannot be logged before is not done. */
import { Clock, Effect, Exit, Option } from "effect"
import type { OperationEntry } from "./OperationChain.ts"
import type { LogUnwritable, CallLog } from "./OperationLog.ts"

/** What the last line says of how an act ended. */
export type EndWords = Pick<OperationEntry, "outcome" | "reason" | "detail">

/** An act that has a line before and a line after. */
export interface Act<A, E> extends Pick<OperationEntry, "op" | "target"> {
  /** Of the first line. */
  readonly detail: string
  /** Of the last line; none leaves the act without an end, as a crash does. */
  readonly ended: (exit: Exit.Exit<A, E>) => Option.Option<EndWords>
}

/**
 * Runs an effect between its two lines. Fails with `LogUnwritable` when the first cannot be written: then the effect
 * is not run. When only the last cannot be written the result stands: told of a failure, an agent would act again.
 */
export const around =
  (log: Pick<CallLog, "append">) =>
  <A, E, R>(
    { op, target, detail, ended }: Act<A, E>,
    effect: Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E | LogUnwritable, R> =>
    Effect.flatMap(Clock.currentTimeMillis, (start) =>
      Effect.flatMap(
        log.append({ op, target, phase: "begin", outcome: "ok", durationMs: 0, detail }),
        (begin) =>
          Effect.onExit(effect, (exit) =>
            Option.match(ended(exit), {
              onNone: () => Effect.void,
              onSome: (words) =>
                Effect.flatMap(Clock.currentTimeMillis, (now) =>
                  Effect.catchAll(
                    log.append({ ...words, op, target, phase: "end", begin, durationMs: now - start }),
                    (failure) => Effect.logError("the operation log cannot be written", failure),
                  ),
                ),
            }),
          ),
      ),
    )
