/** The stored state of an issue between two looks at it: the row of the table `issue_state`. */
import { Schema } from "effect"
import { Allowance, Consumed, FreezeCause } from "./Operation.ts"

/** Where an issue is in its life, for people. */
export const Phase = Schema.Literal("idle", "running", "frozen", "destroyed")
/** Where an issue is in its life, for people. */
export type Phase = typeof Phase.Type

/** The row. Times are milliseconds since the epoch; counters start at 0. */
export const IssueState = Schema.Struct({
  /** Fences transactions: a decision is only stored over the version it was made from. */
  version: Schema.Number,
  /** Counts launches. */
  generation: Schema.Number,
  /** Counts operations of the generation, and the newest one that `decide` has taken into account. */
  step: Schema.Number,
  settled: Schema.Number,
  phase: Phase,
  reason: Schema.String,
  /** When to look again without a hint. */
  nextAt: Schema.NullOr(Schema.Number),
  /** Whether a launch succeeded whose bottle is not destroyed. */
  live: Schema.Boolean,
  /** `Targeting.id` that caused the newest start; 0: none, or the timeline could not be read. */
  targeting: Schema.Number,
  /** When the newest generation ended, by the forge's clock. */
  over: Schema.NullOr(Schema.Number),
  /** Whether the issue was seen untargeted since then. This decides when no timeline can be read. */
  away: Schema.Boolean,
  /** Digest of title and body when the issue was first seen targeted, and as last given to the agent. */
  digest: Schema.NullOr(Schema.String),
  given: Schema.NullOr(Schema.String),
  consumed: Schema.Array(Consumed),
  /** What the newest run may use; null: no budget. */
  allowance: Schema.NullOr(Allowance),
  /** Consecutive failures of the same operation for the same cause. */
  failures: Schema.NullOr(
    Schema.Struct({
      of: Schema.String,
      count: Schema.Number,
      notBefore: Schema.Number,
      problem: Schema.String,
    }),
  ),
  /** Why the bottle was frozen, and after which run. */
  frozen: Schema.NullOr(
    Schema.Struct({ cause: FreezeCause, run: Schema.Number, until: Schema.optional(Schema.Number) }),
  ),
  /** Consecutive resumes after a stop of the machine, and consecutive stops by the provider. */
  machineResumes: Schema.Number,
  providerStops: Schema.Number,
  /** Heads for which the agent was resumed because of checks or a conflict. */
  failedHeads: Schema.Array(Schema.String),
  conflictHeads: Schema.Array(Schema.String),
  /** How many of them since a person last spoke. */
  feedback: Schema.Number,
  /** A head that could not be merged into a base, and since when. */
  conflict: Schema.NullOr(Schema.Struct({ head: Schema.String, base: Schema.String, since: Schema.Number })),
  /** Why the issue is left alone until `orchestrate retry`. */
  setAside: Schema.NullOr(Schema.String),
}).annotations({ identifier: "IssueState" })
/** The row. */
export type IssueState = typeof IssueState.Type

/** The fields that describe the bottle, when there is none. */
export const withoutBottle = {
  live: false,
  away: false,
  frozen: null,
  machineResumes: 0,
  providerStops: 0,
  failedHeads: [],
  conflictHeads: [],
  feedback: 0,
  conflict: null,
} satisfies Partial<IssueState>

/** The state of an issue that was never looked at. */
export const newIssueState: IssueState = {
  ...withoutBottle,
  version: 0,
  generation: 0,
  step: 0,
  settled: 0,
  phase: "idle",
  reason: "",
  nextAt: null,
  targeting: 0,
  over: null,
  digest: null,
  given: null,
  consumed: [],
  allowance: null,
  failures: null,
  setAside: null,
}

/** The state after `orchestrate retry`: failures, and what set it aside, are cleared. */
export const retried = (state: IssueState): IssueState => ({
  ...state,
  failures: null,
  setAside: null,
  nextAt: null,
})
