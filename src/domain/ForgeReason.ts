/** Why a request to a forge failed: a closed list, so that no decision depends on a message or a status. */
import { Schema } from "effect"

/**
 * The meaning of a forge's failure, whatever its status and text are.
 *
 * - `Unreachable`: no response (refused connection, cut off, timed out).
 * - `Unauthorized`, `Forbidden`, `NotFound`, `Conflict`, `Precondition`, `Locked`, `BadRequest`, `Invalid`, `Refused`: the forge
 *   refused and did nothing. `Locked` is an archived repository, `Refused` any other refusal.
 * - `RateLimited`: it did nothing and asks to slow down.
 * - `Moved`: it redirects elsewhere, which is not followed.
 * - `Undecidable`: it may not tell this user what was asked.
 * - `ServerError`: the forge, or a proxy in front of it, failed.
 * - `Unexpected`: a success status other than the documented one.
 * - `Malformed`: the documented response in a form that cannot be read.
 */
export const ForgeReason = Schema.Literal(
  "Unreachable",
  "Unauthorized",
  "Forbidden",
  "NotFound",
  "Conflict",
  "Precondition",
  "Locked",
  "BadRequest",
  "Invalid",
  "Refused",
  "RateLimited",
  "Moved",
  "Undecidable",
  "ServerError",
  "Unexpected",
  "Malformed",
)
/** The meaning of a forge's failure. */
export type ForgeReason = typeof ForgeReason.Type

const OF_STATUS: Readonly<Record<number, ForgeReason>> = {
  0: "Unreachable",
  303: "Undecidable",
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  412: "Precondition",
  422: "Invalid",
  423: "Locked",
  429: "RateLimited",
}

/** The reason for an HTTP status that is not the documented success; 0 means no response. */
export const reasonOfStatus = (status: number): ForgeReason => {
  const known = OF_STATUS[status]
  if (known !== undefined) return known
  if (status >= 500) return "ServerError"
  if (status >= 400) return "Refused"
  return status >= 300 ? "Moved" : "Unexpected"
}

/** Whether a write that failed for this reason was done, as far as is known. */
const DONE: Readonly<Record<ForgeReason, "no" | "unknown">> = {
  Unreachable: "unknown",
  Unauthorized: "no",
  Forbidden: "no",
  NotFound: "no",
  Conflict: "no",
  Precondition: "no",
  Locked: "no",
  BadRequest: "no",
  Invalid: "no",
  Refused: "no",
  RateLimited: "no",
  Moved: "unknown",
  Undecidable: "unknown",
  ServerError: "unknown",
  Unexpected: "unknown",
  Malformed: "unknown",
}

/** Whether the forge refused a request, and so did nothing. */
export const saidNo = (reason: ForgeReason): boolean => DONE[reason] === "no"

/** No response, or one that does not answer the question: the same request may succeed later. */
export const isOutage = (reason: ForgeReason): boolean =>
  reason === "Unreachable" ||
  reason === "RateLimited" ||
  reason === "ServerError" ||
  reason === "Unauthorized"
