/** Why a connection out is not made, in words for the agent and for the operation log. */
import { Data } from "effect"

/** A connection that is not made, or that was cut before anything of the agent's went out. */
export class Refused extends Data.TaggedError("Refused")<{
  /** `rejected`: the agent may not. `failed`: it may, but it could not be done. */
  readonly outcome: "rejected" | "failed"
  readonly status: 400 | 403 | 408 | 502 | 503 | 504
  /** One line, without the host. */
  readonly reason: string
  /** Of a tunnel in which a TLS hello has begun: the description of the alert that ends it (RFC 8446, 6.2). */
  readonly alert?: number
}> {}

/** What an agent may not do. */
export const rejected = (reason: string, alert?: number): Refused =>
  new Refused({ outcome: "rejected", status: 403, reason, ...(alert !== undefined && { alert }) })

/** What nobody could do, as it cannot be read. */
export const malformed = (reason: string): Refused =>
  new Refused({ outcome: "rejected", status: 400, reason })

/** What could not be done. */
export const failed = (status: 502 | 503 | 504, reason: string): Refused =>
  new Refused({ outcome: "failed", status, reason })

/** What an agent is told: one line that names where it wanted to go. */
export const refusalText = ({ outcome, reason }: Refused, target: string): string =>
  `egress to ${target} ${outcome === "rejected" ? "denied" : "failed"}: ${reason}\n`
