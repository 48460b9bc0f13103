/** How a command fails: its message on stderr, or as JSON on stdout, and its exit code. */
import { ValidationError } from "@effect/cli"
import { Cause, Chunk, Effect, Option } from "effect"
import { note, printJson } from "./output.ts"

/** Exit codes in addition to the agent's own and {@link OWN_FAILURE}. */
const codes: Readonly<Record<string, number>> = {
  InvalidInput: 2,
  UsageError: 2,
  LaunchRefused: 126,
  Cancelled: 126,
  IssueClosed: 126,
  LimitReached: 124,
}

/** Exit code of bot-bottle's own failure. */
const OWN_FAILURE = 125

interface Tagged {
  readonly _tag: string
  readonly message: string
}

const isTagged = (error: unknown): error is Tagged =>
  typeof error === "object" && error !== null && "_tag" in error && "message" in error

/** The exit code of an error. */
export const exitCodeOf = (error: unknown): number => {
  if (ValidationError.isValidationError(error)) return 2
  if (!isTagged(error)) return OWN_FAILURE
  if (error._tag === "AgentExited" && "exitCode" in error && typeof error.exitCode === "number")
    return error.exitCode
  return codes[error._tag] ?? OWN_FAILURE
}

/**
 * Converts failures of a command into its exit code; the rest of the program sees success. An interruption (Ctrl-C) stays one.
 * @effect/cli prints errors of the command line itself.
 */
export const reportFailures =
  (json: boolean) =>
  <A, E, R>(command: Effect.Effect<A, E, R>): Effect.Effect<void, never, R> =>
    Effect.catchAllCause(Effect.asVoid(command), (cause) => {
      if (Cause.isInterruptedOnly(cause)) return Effect.interrupt
      const error = Option.getOrElse(Cause.failureOption(cause), () =>
        Option.getOrUndefined(Chunk.head(Cause.defects(cause))),
      )
      return Effect.logDebug(cause).pipe(
        Effect.zipRight(
          ValidationError.isValidationError(error)
            ? Effect.void
            : json
              ? printJson({ error: asJson(error) })
              : note(`bot-bottle: ${textOf(error)}`, "error"),
        ),
        Effect.zipRight(
          Effect.sync(() => {
            process.exitCode = exitCodeOf(error)
          }),
        ),
      )
    })

const textOf = (error: unknown): string => {
  if (isTagged(error)) return error.message
  const text = error instanceof Error ? error.message : String(error)
  return `${text} (a bug in bot-bottle: --log-level debug shows where)`
}

const asJson = (error: unknown): unknown => {
  if (!isTagged(error)) return { _tag: "Defect", message: textOf(error) }
  const { cause: _, name: __, stack: ___, ...fields } = { ...error } as Record<string, unknown>
  return { ...fields, _tag: error._tag, message: error.message }
}
