/** What the HTTP interface has about the service as a whole: its status, orders to it, use over time, and what Prometheus reads. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import { Schema } from "effect"
import { Millis } from "../../../domain/orchestrator/IssueKey.ts"
import { ReportedHealth } from "../../../domain/orchestrator/ServiceHealth.ts"
import { Day } from "../../../domain/orchestrator/Usage.ts"
import { Unavailable } from "./errors.ts"
import { LIMIT_DEFAULT, LIMIT_MAX, wholeNumber } from "./page.ts"

const Count = Schema.NonNegativeInt

/** The service. Times are in milliseconds since the epoch. */
export const ServiceView = Schema.Struct({
  /** The operator who asks. */
  operator: Schema.String,
  /** Its newest report; null until it has reported. */
  health: Schema.NullOr(ReportedHealth),
  /** When launches were paused; null when they are not. */
  pausedAt: Schema.NullOr(Millis),
  /** Issues by phase, without those that are for no agent. */
  issues: Schema.Struct({ idle: Count, running: Count, frozen: Count, destroyed: Count }),
  /** Requests of agents that wait for a decision. */
  requests: Count,
  /** Number of the newest event: a stream of events after it misses nothing since this answer. */
  event: Count,
})

/** The result of `pause` and `continue`. */
export const PauseView = Schema.Struct({ pausedAt: Schema.NullOr(Millis) })

/** What runs used that have ended. Fields that the sum is not about are null. */
export const UsageView = Schema.Struct({
  day: Schema.NullOr(Day),
  owner: Schema.NullOr(Schema.String),
  repo: Schema.NullOr(Schema.String),
  issueNumber: Schema.NullOr(Schema.Int),
  runs: Count,
  seconds: Count,
  tokens: Count,
  /** In US dollars, of the runs with a known price. */
  cost: Schema.Number,
  /** How many runs have no known price. */
  unpriced: Count,
})

/** `GET /status`, `POST /pause`, `POST /continue` */
export const service = HttpApiGroup.make("service")
  .add(HttpApiEndpoint.get("status", "/status").addSuccess(ServiceView))
  .add(HttpApiEndpoint.post("pause", "/pause").addSuccess(PauseView))
  .add(HttpApiEndpoint.post("continue", "/continue").addSuccess(PauseView))
  .addError(Unavailable)

/** `GET /usage` */
export const usage = HttpApiGroup.make("usage").add(
  HttpApiEndpoint.get("sums", "/usage")
    .setUrlParams(
      Schema.Struct({
        by: Schema.optionalWith(Schema.Literal("day", "repository", "issue"), {
          default: () => "day" as const,
        }),
        /** The first and the last day; the last 30 days unless given. */
        from: Schema.optional(Day),
        to: Schema.optional(Day),
        owner: Schema.optional(Schema.NonEmptyString),
        repo: Schema.optional(Schema.NonEmptyString),
        limit: Schema.optionalWith(wholeNumber(1, LIMIT_MAX), { default: () => LIMIT_DEFAULT }),
      }),
    )
    .addSuccess(
      Schema.Struct({
        from: Day,
        to: Day,
        /** Days begin in this time zone. */
        timeZone: Schema.String,
        items: Schema.Array(UsageView),
      }),
    )
    .addError(Unavailable),
)

/** `GET /metrics` */
export const metrics = HttpApiGroup.make("metrics").add(
  HttpApiEndpoint.get("scrape", "/metrics")
    .addSuccess(HttpApiSchema.Text({ contentType: "text/plain; version=0.0.4; charset=utf-8" }))
    .addError(Unavailable),
)
