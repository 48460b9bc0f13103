/** History: what was decided about issues, what was done, and what operators ordered, in the order in which it was stored. */
import { Schema } from "effect"
import { Slug } from "../Slug.ts"
import type { InboxRow } from "./InboxHint.ts"
import { InboxKind } from "./InboxHint.ts"
import { IssueKey, Millis, RunNumber } from "./IssueKey.ts"
import type { IssueCommit, StoredIssue } from "./StoredIssue.ts"
import type { StoredOperation } from "./StoredOperation.ts"

/** The kind of an operation, as its tag. */
export const OperationKind = Schema.Literal("Launch", "Resume", "Stop", "Freeze", "Destroy")
/** The kind of an operation. */
export type OperationKind = typeof OperationKind.Type

/** A hint that led to a decision. */
export const HistoryCause = Schema.Struct({
  kind: InboxKind,
  /** What a webhook said that was done, such as `label_updated`. */
  action: Schema.optional(Schema.String),
  /** Login of the person at the forge, as a webhook named it. */
  actor: Schema.optional(Schema.String),
})
/** A hint that led to a decision. */
export type HistoryCause = typeof HistoryCause.Type

/** What an operator can order. */
export const OrderedAction = Schema.Literal(
  "pause",
  "continue",
  "retry",
  "stop",
  "freeze",
  "destroy",
  "approve",
  "deny",
  "answer",
)
/** What an operator can order. */
export type OrderedAction = typeof OrderedAction.Type

/** What happened. */
export const HistoryEvent = Schema.Union(
  /** A decision that differs from the one before: an operation, or what the issue waits for. */
  Schema.TaggedStruct("Decided", {
    rule: Schema.String,
    /** Null: to wait. */
    operation: Schema.NullOr(OperationKind),
    /** As `Wait.kind`; null: an operation. */
    waits: Schema.NullOr(Schema.String),
    reason: Schema.String,
    until: Schema.NullOr(Millis),
    causes: Schema.Array(HistoryCause),
  }),
  /** A launch or a resume is about to start this run. */
  Schema.TaggedStruct("Started", { operation: OperationKind, slug: Slug, run: RunNumber }),
  /** An operation ended; with a problem it failed. */
  Schema.TaggedStruct("Ended", {
    operation: OperationKind,
    slug: Schema.NullOr(Slug),
    run: Schema.NullOr(RunNumber),
    problem: Schema.NullOr(Schema.String),
  }),
  /** An operator did this. `target` is a bottle, a bottle and a request, or an issue; `""` for the whole service. */
  Schema.TaggedStruct("Ordered", {
    operator: Schema.String,
    action: OrderedAction,
    target: Schema.String,
  }),
)
/** What happened. */
export type HistoryEvent = typeof HistoryEvent.Type

/** Something that happened, before it is stored. */
export const NewHistoryEntry = Schema.Struct({
  at: Millis,
  /** Null: it is about no issue. */
  issue: Schema.NullOr(IssueKey),
  event: HistoryEvent,
})
/** Something that happened, before it is stored. */
export type NewHistoryEntry = typeof NewHistoryEntry.Type

/** Something that happened. `seq` only grows, and no number is used twice. */
export const HistoryEntry = Schema.Struct({ seq: Schema.Int, ...NewHistoryEntry.fields })
/** Something that happened. */
export type HistoryEntry = typeof HistoryEntry.Type

/** Most issues of a forge are for no agent: to know that is no history. */
const FOR_NOBODY: ReadonlySet<string> = new Set(["not-targeted", "over"])
/** So many causes of one decision are kept. */
const CAUSES_MAX = 20

/** The entry of a decision; undefined when it says nothing that the one before did not say. */
export const decisionEntry = (
  { issue, decision: { verdict, rule }, at }: Pick<IssueCommit, "issue" | "decision" | "at">,
  before: Pick<StoredIssue, "state" | "waits"> | undefined,
  hints: ReadonlyArray<Pick<InboxRow, "kind" | "detail">>,
): NewHistoryEntry | undefined => {
  const causes = hints.slice(0, CAUSES_MAX).map(causeOf)
  if (verdict._tag !== "Wait") {
    const decided = { operation: verdict._tag, waits: null, reason: verdict.reason, until: null }
    return { at, issue: keyOf(issue), event: { _tag: "Decided", rule, ...decided, causes } }
  }
  const { kind, reason, until } = verdict
  if (kind === "operation") return undefined
  if (before !== undefined && before.waits === kind && before.state.reason === reason) return undefined
  if (FOR_NOBODY.has(kind) && (before === undefined || FOR_NOBODY.has(before.waits ?? ""))) return undefined
  const waits = { operation: null, waits: kind, reason, until: until === undefined ? null : Math.ceil(until) }
  return { at, issue: keyOf(issue), event: { _tag: "Decided", rule, ...waits, causes } }
}

const causeOf = ({ kind, detail: { action, actor } }: Pick<InboxRow, "kind" | "detail">): HistoryCause => ({
  kind,
  ...(action !== undefined && action !== "" && { action }),
  ...(actor !== undefined && actor.login !== "" && { actor: actor.login }),
})

/** The entry of an operation that is about to start a run; undefined when it starts none. */
export const startEntry = (operation: StoredOperation, at: number): NewHistoryEntry | undefined =>
  operation.started === null
    ? undefined
    : {
        at,
        issue: keyOf(operation),
        event: { _tag: "Started", operation: operation.input._tag, ...operation.started },
      }

/** The entry of an operation that ended. */
export const endEntry = (operation: StoredOperation, at: number): NewHistoryEntry => ({
  at,
  issue: keyOf(operation),
  event: {
    _tag: "Ended",
    operation: operation.input._tag,
    slug: operation.started?.slug ?? null,
    run: operation.started?.run ?? null,
    problem: operation.problem,
  },
})

const keyOf = ({ forge, owner, repo, issueNumber }: IssueKey): IssueKey => ({
  forge,
  owner,
  repo,
  issueNumber,
})
