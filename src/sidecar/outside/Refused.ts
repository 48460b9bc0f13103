/** Why an outgoing connection is not made, in words for the agent and for the operation log. */
import { Data } from "effect"

/** A connection that is not made, or that was cut before any of the agent's data went out. */
export class Refused extends Data.TaggedError("Refused")<{
  /** `rejected`: the agent may not. `failed`: it may, but it did not work. */
  readonly outcome: "rejected" | "failed"
  readonly status: 400 | 403 | 408 | 502 | 503 | 504
  /** One line, without the host. */
  readonly reason: string
  /** For a tunnel with a started TLS hello: the alert that ends it (RFC 8446, 6.2). */
  readonly alert?: number
}> {}

/** Something that the agent may not do. */
export const rejected = (reason: string, alert?: number): Refused =>
  new Refused({ outcome: "rejected", status: 403, reason, ...(alert !== undefined && { alert }) })

/** Something unreadable, which nobody could do. */
export const malformed = (reason: string): Refused =>
  new Refused({ outcome: "rejected", status: 400, reason })

/** Something that did not work. */
export const failed = (status: 502 | 503 | 504, reason: string): Refused =>
  new Refused({ outcome: "failed", status, reason })

/** The message for an agent: one line that names the destination. */
export const refusalText = ({ outcome, reason }: Refused, target: string): string =>
  `egress to ${target} ${outcome === "rejected" ? "denied" : "failed"}: ${reason}\n`
