/** Operations of a host on a bottle, as data stored in the table `operations`. */
import { Schema } from "effect"

/** A remark in the version that was used. */
export const Consumed = Schema.Struct({
  kind: Schema.Literal("comment", "review"),
  id: Schema.Number,
  updatedAt: Schema.Number,
})
/** A remark in the version that was used. */
export type Consumed = typeof Consumed.Type

/** The text of an issue in a prompt: its digest, and whether it was edited after the issue was targeted. */
export const IssueText = Schema.Struct({
  digest: Schema.String,
  edited: Schema.Boolean,
  /** Whether it differs from the text that the agent was last given. */
  changed: Schema.Boolean,
  /** Logins, as far as webhooks named them. */
  editors: Schema.Array(Schema.String),
})
/** The text of an issue in a prompt. */
export type IssueText = typeof IssueText.Type

/** What a run may still use, by the tightest budget. */
export const Allowance = Schema.Struct({
  seconds: Schema.optional(Schema.Number),
  tokens: Schema.optional(Schema.Number),
  cost: Schema.optional(Schema.Number),
})
/** What a run may still use. */
export type Allowance = typeof Allowance.Type

const reason = { reason: Schema.String }
const start = {
  ...reason,
  /** Goes into the prompt, oldest first. */
  consumes: Schema.Array(Consumed),
  text: IssueText,
  allowance: Allowance,
  /** `Targeting.id` that caused the start; 0 when the timeline could not be read. */
  targeting: Schema.Number,
}

/** Creates a new bottle. */
export const Launch = Schema.TaggedStruct("Launch", {
  ...start,
  agent: Schema.String,
  /** Empty: the agent's default. */
  bottles: Schema.Array(Schema.String),
})
/** Creates a new bottle. */
export type Launch = typeof Launch.Type

/** Why a bottle is resumed. */
export const ResumeCause = Schema.Literal(
  "machine",
  "provider",
  "targeted",
  "decided",
  "remarks",
  "checks",
  "conflict",
)
/** Why a bottle is resumed. */
export type ResumeCause = typeof ResumeCause.Type

/** Resumes the bottle, in the agent's own conversation. */
export const Resume = Schema.TaggedStruct("Resume", {
  ...start,
  cause: ResumeCause,
  /** Pull request and head, for `checks` and `conflict`. */
  head: Schema.optional(Schema.Struct({ pr: Schema.Number, sha: Schema.String })),
})
/** Resumes the bottle. */
export type Resume = typeof Resume.Type

/** Stops the agent; the bottle stays. */
export const Stop = Schema.TaggedStruct("Stop", reason)
/** Stops the agent. */
export type Stop = typeof Stop.Type

/** Why a bottle was frozen. All but `done` and `untargeted` mean that its work is incomplete. */
export const FreezeCause = Schema.Literal(
  "done",
  "untargeted",
  "incomplete",
  "provider",
  "watchdog",
  "sidecar",
  "budget",
)
/** Why a bottle was frozen. */
export type FreezeCause = typeof FreezeCause.Type

/** Stops what runs and freezes. */
export const Freeze = Schema.TaggedStruct("Freeze", {
  ...reason,
  cause: FreezeCause,
  run: Schema.Number,
  /** Only for `provider`: when to go on. */
  until: Schema.optional(Schema.Number),
})
/** Stops what runs and freezes. */
export type Freeze = typeof Freeze.Type

/** Removes the bottle. */
export const Destroy = Schema.TaggedStruct("Destroy", {
  ...reason,
  cause: Schema.Literal("merged", "closed", "expired", "interrupted"),
  /** Only targeting after this time, by the forge's clock, starts another bottle. */
  over: Schema.Number,
})
/** Removes the bottle. */
export type Destroy = typeof Destroy.Type

/** An operation of a host on a bottle. Each is safe to repeat. */
export const Operation = Schema.Union(Launch, Resume, Stop, Freeze, Destroy)
/** An operation of a host on a bottle. */
export type Operation = typeof Operation.Type
