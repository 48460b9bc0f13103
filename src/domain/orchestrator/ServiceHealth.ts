/** ServiceHealth is a service's report about itself, for other processes to read. */
import { Schema } from "effect"
import { ReportedLimits } from "./LimitStatus.ts"
import { Millis } from "./IssueKey.ts"

/** State of a service's sweeps. */
export const SweepHealth = Schema.Struct({
  /** When the last completed one began. */
  sweptAt: Schema.optional(Millis),
  /** How many have failed since. */
  failures: Schema.Int,
  /** Why the last one failed. */
  problem: Schema.optional(Schema.String),
  /** When the next one begins; absent while one is running. */
  nextAt: Schema.optional(Millis),
})
/** State of a service's sweeps. */
export type SweepHealth = typeof SweepHealth.Type

/** A service's report about itself. Times are in milliseconds. */
export const ServiceHealth = Schema.Struct({
  /** Name of its machine. */
  host: Schema.String,
  version: Schema.String,
  startedAt: Millis,
  /** When it shut down in order; absent while it is running, and after a crash. */
  stoppedAt: Schema.optional(Millis),
  /** The forge's normalised API address. */
  forge: Schema.String,
  /** `HOST:PORT` of its webhooks; null when it does not listen for any. */
  listening: Schema.NullOr(Schema.String),
  /** When a webhook was last stored. */
  webhookAt: Schema.optional(Millis),
  /** When a delivery signed with `webhook.secret` last arrived, whatever it was about. */
  signedAt: Schema.optional(Millis),
  /** When a delivery signed with another secret last arrived. */
  missignedAt: Schema.optional(Millis),
  sweep: SweepHealth,
  /** What it limits. Absent in reports of older versions. */
  limits: Schema.optional(ReportedLimits),
  /** What is wrong with a secret that is read repeatedly; absent when nothing is. */
  secret: Schema.optional(Schema.String),
})
/** A service's report about itself. */
export type ServiceHealth = typeof ServiceHealth.Type

/** The newest report of a service, and whether that service is still running. */
export const ReportedHealth = Schema.Struct({
  ...ServiceHealth.fields,
  /** Whether its process is alive. */
  pid: Schema.Int,
  isServing: Schema.Boolean,
})
/** The newest report of a service, and whether that service is still running. */
export type ReportedHealth = typeof ReportedHealth.Type
