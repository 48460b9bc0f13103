/** Events of a sidecar or a watcher: one file for each in the queue directory. */
import { Schema } from "effect"
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
