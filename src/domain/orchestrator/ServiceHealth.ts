/** ServiceHealth is what a service reports of itself, for whoever looks from another process. */
import { Schema } from "effect"
import { Millis } from "./IssueKey.ts"

/** How the sweeps of a service go. */
export const SweepHealth = Schema.Struct({
  /** When the last one that came to its end began. */
  sweptAt: Schema.optional(Millis),
  /** How many failed since. */
  failures: Schema.Int,
  /** Why the last one failed. */
  problem: Schema.optional(Schema.String),
  /** When the next one begins; absent while one is under way. */
  nextAt: Schema.optional(Millis),
})
/** How the sweeps of a service go. */
export type SweepHealth = typeof SweepHealth.Type

/** What a service reports of itself; times in milliseconds. */
export const ServiceHealth = Schema.Struct({
  /** Name of its machine. */
  host: Schema.String,
  version: Schema.String,
  startedAt: Millis,
  /** When it ended in order; absent while it works, and after a crash. */
  stoppedAt: Schema.optional(Millis),
  /** The forge's normalised API address. */
  forge: Schema.String,
  /** `HOST:PORT` of its webhooks; null when it listens for none. */
  listening: Schema.NullOr(Schema.String),
  /** When a webhook last was kept. */
  webhookAt: Schema.optional(Millis),
  /** When a delivery last arrived that was signed with `webhook.secret`, whatever it was about. */
  signedAt: Schema.optional(Millis),
  /** When one last arrived that was signed with another secret. */
  missignedAt: Schema.optional(Millis),
  sweep: SweepHealth,
  /** What is wrong with a secret that is read again and again; absent when nothing is. */
  secret: Schema.optional(Schema.String),
})
/** What a service reports of itself. */
export type ServiceHealth = typeof ServiceHealth.Type

/** What the service that reported last said, and whether it still serves. */
export const ReportedHealth = Schema.Struct({
  ...ServiceHealth.fields,
  /** Of its process. */
  pid: Schema.Int,
  isServing: Schema.Boolean,
})
/** What the service that reported last said, and whether it still serves. */
export type ReportedHealth = typeof ReportedHealth.Type
