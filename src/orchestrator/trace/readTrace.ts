/** readTrace: the trace of a bottle's newest run and its calls, from the operation log. */
import { Effect, Option, Schema, Stream } from "effect"
import { instantOf } from "../../domain/Instant.ts"
import { OperationLine, TRACE_OP } from "../../domain/OperationLine.ts"
import type { Slug } from "../../domain/Slug.ts"
import { OperationLogs } from "../../services/OperationLogs.ts"

/** A call at the neck. Times are in milliseconds since the epoch. */
export interface LoggedCall {
  readonly op: string
  readonly from: number
  readonly to: number
  readonly outcome: OperationLine["outcome"]
}

/** The trace of a run; `traceparent` is `""` when it has none. */
export interface LoggedTrace {
  readonly traceparent: string
  readonly calls: ReadonlyArray<LoggedCall>
}

/** A trace has so many calls of a run, the first ones. An agent can make any number. */
const CALLS_MAX = 500

const NO_TRACE: LoggedTrace = { traceparent: "", calls: [] }

/** The newest run's trace and calls. A log that cannot be read has none. */
export const readTrace = Effect.fnUntraced(function* (slug: Slug) {
  const logs = yield* OperationLogs
  return yield* logs.bytes(slug).pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runFold(NO_TRACE, withLine),
    Effect.catchAll(({ message }) =>
      Effect.as(Effect.logWarning(`a trace is not complete: ${message}`), NO_TRACE),
    ),
  )
})

const withLine = (trace: LoggedTrace, text: string): LoggedTrace => {
  const line = Option.getOrUndefined(readLine(text))
  if (line === undefined || line.phase === "begin") return trace
  // A sidecar that was relaunched goes on with the trace of its run.
  if (line.op === TRACE_OP)
    return line.detail === trace.traceparent ? trace : { traceparent: line.detail, calls: [] }
  if (trace.traceparent === "" || trace.calls.length >= CALLS_MAX) return trace
  const to = instantOf(line.at)
  const call = { op: nameOf(line), from: to - line.durationMs, to, outcome: line.outcome }
  return { ...trace, calls: [...trace.calls, call] }
}

/** An agent can ask for a method of any name. */
const nameOf = ({ op, reason }: OperationLine): string => (reason === "no such method" ? "unknown" : op)

const readLine = Schema.decodeOption(Schema.parseJson(OperationLine))
