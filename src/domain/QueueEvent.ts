/** Events of a sidecar or a watcher: one file for each in the queue directory. */
import { Schema } from "effect"
import { RequestDecision, RequestId, RequestKind } from "./AgentRequest.ts"
import { BottleDone } from "./Bottle.ts"
import { ForgeNumber } from "./Forge.ts"
import { Slug } from "./Slug.ts"

const common = { version: Schema.Literal(1), slug: Slug, at: Schema.String }

/** One event; `at` is ISO 8601 in UTC. */
export const QueueEvent = Schema.Union(
  Schema.Struct({
    ...common,
    kind: Schema.Literal("done"),
    status: BottleDone.fields.status,
    summary: Schema.String,
  }),
  Schema.Struct({
    ...common,
    kind: Schema.Literal("blocked-write"),
    /** The refused method, such as `post_comment`. */
    operation: Schema.String,
    number: Schema.Number,
    writable: Schema.Array(Schema.Number),
    /** What was refused, if it was not the write to `number` itself. */
    denied: Schema.optional(Schema.String),
  }),
  Schema.Struct({
    ...common,
    kind: Schema.Literal("limit-reached"),
    /** Such as `callRate`. `memory` is the sidecar's own limit. */
    limit: Schema.String,
    value: Schema.Number,
    /** The run that reached it; absent in events of versions that did not say. */
    run: Schema.optional(Schema.Number),
  }),
  /** The agent asks a person to decide. */
  Schema.Struct({
    ...common,
    kind: Schema.Literal("request"),
    run: Schema.Number,
    id: RequestId,
    request: RequestKind,
    /** What is asked for, and why, in the agent's words. */
    text: Schema.String,
    reason: Schema.String,
  }),
  /** A person has decided about a request. */
  Schema.Struct({
    ...common,
    kind: Schema.Literal("request-decided"),
    id: RequestId,
    verdict: RequestDecision.fields.verdict,
    by: Schema.String,
  }),
  Schema.Struct({ ...common, kind: Schema.Literal("pr-opened"), number: ForgeNumber }),
  Schema.Struct({
    ...common,
    kind: Schema.Literal("model-refused"),
    run: Schema.Number,
    /** Name of the route to the model. */
    route: Schema.String,
    reason: Schema.Literal("rate-limit", "overloaded", "usage-limit"),
    /** When calls may be made again, if the provider said so; ISO 8601 in UTC. */
    until: Schema.optional(Schema.String),
  }),
  /** The first successful call after a refusal. */
  Schema.Struct({
    ...common,
    kind: Schema.Literal("model-answered"),
    run: Schema.Number,
    route: Schema.String,
  }),
  Schema.Struct({
    ...common,
    kind: Schema.Literal("exit"),
    /** The run that ended. */
    run: Schema.Number,
    code: Schema.Number,
    signal: Schema.optional(Schema.String),
  }),
)
/** One event. */
export type QueueEvent = typeof QueueEvent.Type

/** An event with the number of its file. Numbers only increase. */
export interface NumberedEvent {
  readonly number: number
  readonly event: QueueEvent
}
