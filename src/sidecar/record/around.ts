/** around: runs an action between two lines of the operation log. An action that cannot be logged first is not run. */
import { Clock, Effect, Exit, Option } from "effect"
import type { OperationEntry } from "./OperationChain.ts"
import type { LogUnwritable, CallLog } from "./OperationLog.ts"

/** What the last line says about the result of an action. */
export type EndWords = Pick<OperationEntry, "outcome" | "reason" | "detail">

/** An action with a line before and a line after it. */
export interface Act<A, E> extends Pick<
  OperationEntry,
  "op" | "target" | "commits" | "approval" | "scanner"
> {
  /** Of the first line. */
  readonly detail: string
  /** Of the last line; without it the action has no end, as after a crash. */
  readonly ended: (exit: Exit.Exit<A, E>) => Option.Option<EndWords>
}

/**
 * Runs an effect between its two lines. Fails with `LogUnwritable` when the first cannot be written; the effect is then not run. When
 * only the last cannot be written, the result stands: an agent that sees a failure would repeat the action.
 */
export const around =
  (log: Pick<CallLog, "append">) =>
  <A, E, R>(
    { op, target, detail, commits, approval, scanner, ended }: Act<A, E>,
    effect: Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E | LogUnwritable, R> =>
    Effect.flatMap(Clock.currentTimeMillis, (start) =>
      Effect.flatMap(
        log.append({
          op,
          target,
          phase: "begin",
          outcome: "ok",
          durationMs: 0,
          detail,
          ...(commits !== undefined && { commits }),
          ...(approval !== undefined && { approval }),
          ...(scanner !== undefined && { scanner }),
        }),
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
