/** Reasons in the operation log of what was refused because the scanner found a secret in it. */

/** By what was scanned: the files of a push, the names in a push, the text of a call. */
export const SECRET_REFUSALS = {
  push: "secrets found",
  ref: "a secret in what was pushed",
  text: "a secret in the text",
} as const

const REASONS: ReadonlySet<string> = new Set(Object.values(SECRET_REFUSALS))

/** Whether a line with this reason says that a secret was found. */
export const isSecretRefusal = (reason: string | undefined): boolean =>
  reason !== undefined && REASONS.has(reason)
