/** OperationLine: one line of an operation log, as readers need it. The sidecar writes it; its hash chain is verified elsewhere. */
import { Schema } from "effect"

/** `op` of the line that a sidecar writes first when its run is traced; `detail` is the `traceparent`. */
export const TRACE_OP = "trace"

/** One line of an operation log. */
export const OperationLine = Schema.Struct({
  seq: Schema.Number,
  /** ISO 8601 in UTC. */
  at: Schema.String,
  /** The method, such as `post_comment`. */
  op: Schema.String,
  /** Its subject, such as `#17`; `""` when there is none. */
  target: Schema.String,
  /** Present when one call has two lines. */
  phase: Schema.optional(Schema.Literal("begin", "end")),
  outcome: Schema.Literal("ok", "rejected", "failed"),
  reason: Schema.optional(Schema.String),
  durationMs: Schema.Number,
  detail: Schema.String,
})
/** One line of an operation log. */
export type OperationLine = typeof OperationLine.Type
