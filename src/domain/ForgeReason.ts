/** Why a request to a forge failed: one closed list, so that no decision reads prose or a status. */
import { Schema } from "effect"

/**
 * What a forge's failure means, whatever its status and text are.
 *
 * - `Unreachable`: no answer (refused connection, cut off, timed out).
 * - `Unauthorized`, `Forbidden`, `NotFound`, `Conflict`, `Precondition`, `Locked`, `BadRequest`, `Invalid`, `Refused`:
 *   the forge said no, and did nothing. `Locked` is an archived repository, `Refused` any other no.
 * - `RateLimited`: it did nothing and asks to slow down.
 * - `Moved`: it points elsewhere, which is not followed.
 * - `Undecidable`: it may not tell this user what was asked.
 * - `ServerError`: it, or a proxy before it, failed.
 * - `Unexpected`: a success other than the documented one.
 * - `Malformed`: the documented answer in a form that cannot be read.
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
/** What a forge's failure means. */
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

/** The reason of an HTTP status that is not the documented success; 0 is no answer. */
export const reasonOfStatus = (status: number): ForgeReason => {
  const known = OF_STATUS[status]
  if (known !== undefined) return known
  if (status >= 500) return "ServerError"
  if (status >= 400) return "Refused"
  return status >= 300 ? "Moved" : "Unexpected"
}

/** What is known of a write that failed so: whether it was done. */
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

/** Whether the forge said no to a request: then it has done nothing of it. */
export const saidNo = (reason: ForgeReason): boolean => DONE[reason] === "no"

/** No answer, or none that says anything about what was asked: the same question may be answered later. */
export const isOutage = (reason: ForgeReason): boolean =>
  reason === "Unreachable" ||
  reason === "RateLimited" ||
  reason === "ServerError" ||
  reason === "Unauthorized"
