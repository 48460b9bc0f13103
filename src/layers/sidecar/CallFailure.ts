/** Why a call at the neck was not done: one kind for each answer that an agent can act on. */
import { Schema } from "effect"
import { type ForgeRequestError, ForgeScopeError } from "../../domain/Errors.ts"

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
  /** Of `forge` and `unreachable`: which operation of the forge, and its HTTP status (0: no answer). */
  data: Schema.optional(Schema.Struct({ status: Schema.Number, operation: Schema.String })),
}) {}

/** What an agent is told of a failure that is ours. */
export const internalFailure = new CallFailure({ kind: "internal", message: "internal error" })

/** What an agent is told of the forge's failure or of a scope's refusal. */
export const failureOfForge = (error: ForgeRequestError | ForgeScopeError): CallFailure =>
  error instanceof ForgeScopeError
    ? new CallFailure({ kind: "scope", message: error.message })
    : new CallFailure({
        kind: error.status === 0 ? "unreachable" : "forge",
        message: error.message,
        data: { status: error.status, operation: error.operation },
      })
