/** Why a call at the neck was not done: one kind for each response that an agent can act on. */
import { Schema } from "effect"
import { type ForgeRequestError, ForgeScopeError } from "../../domain/Errors.ts"
import type { ForgeReason } from "../../domain/ForgeReason.ts"

/** Why a call was not done. The message is for the agent, and never a forge's own text. */
export class CallFailure extends Schema.TaggedError<CallFailure>()("CallFailure", {
  kind: Schema.Literal(
    "request",
    "method",
    "params",
    "scope",
    "forge",
    "unreachable",
    "no-forge",
    "secret",
    "limit",
    "internal",
  ),
  message: Schema.String,
  /** For `forge` and `unreachable`: the forge operation, and its HTTP status (0: no response). */
  data: Schema.optional(Schema.Struct({ status: Schema.Number, operation: Schema.String })),
  /** What the operator can do; only for the operation log. */
  hint: Schema.optional(Schema.String),
  /** For `scope`: what was refused, if it was not a write to a number. */
  denied: Schema.optional(Schema.String),
}) {}

/** The failure for an agent when the cause is inside bot-bottle. */
export const internalFailure = new CallFailure({ kind: "internal", message: "internal error" })

/** The failure for an agent when the forge failed or a scope refused. Hints for the operator stay in `hint`. */
export const failureOfForge = (error: ForgeRequestError | ForgeScopeError): CallFailure => {
  if (error instanceof ForgeScopeError) return new CallFailure({ kind: "scope", message: error.message })
  const { operation, status } = error
  const failed = `forge: ${operation} failed${status === 0 ? "" : ` with ${status}`}`
  return new CallFailure({
    kind: error.reason === "Unreachable" ? "unreachable" : "forge",
    message: `${failed}: ${error.shown ?? SHOWN[error.reason]}`,
    data: { status, operation },
    hint: error.detail,
  })
}

const NOT_UNDERSTOOD = "the forge's answer was not understood: the operator must look into this"

const SHOWN: Readonly<Record<ForgeReason, string>> = {
  BadRequest: "the forge could not apply this: read it again, then try again",
  Unauthorized: "the forge does not accept this run's credential: the operator must look into this",
  Forbidden: "this run's user may not do this: the operator must look into this",
  NotFound: "it does not exist, or this run's user cannot see it: check the number",
  Conflict: "someone else changed it meanwhile: read it again, then decide again",
  Precondition: "its state does not allow this",
  Invalid: "the forge does not accept these values",
  Locked: "the repository is archived and takes no comments or pull requests",
  RateLimited: "the forge asks to slow down: try again later",
  ServerError: "the forge failed: try again later",
  Unreachable: "the forge did not answer: try again later",
  Refused: NOT_UNDERSTOOD,
  Moved: NOT_UNDERSTOOD,
  Undecidable: NOT_UNDERSTOOD,
  Unexpected: NOT_UNDERSTOOD,
  Malformed: NOT_UNDERSTOOD,
}
