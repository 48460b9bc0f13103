/** The life of an issue as `orchestrate status` shows it: what is being done, or what it waits for and until when. */
import { Schema } from "effect"
import type { InboxRow } from "./InboxHint.ts"
import { IssueKey, Millis } from "./IssueKey.ts"
import { Phase } from "./IssueState.ts"
import type { StoredIssue } from "./StoredIssue.ts"

/** The life of an issue; times in milliseconds. */
export const IssueStatus = Schema.Struct({
  ...IssueKey.fields,
  /** As the forge last said; null when it is not known. It is a stranger's text. */
  title: Schema.NullOr(Schema.String),
  phase: Phase,
  /** What it waits for, as in the decision; null: an operation is running, or no decision was made yet. */
  waits: Schema.NullOr(Schema.String),
  /** Why, in words. */
  reason: Schema.String,
  /** When it is looked at again without news; null: only when something happens. */
  until: Schema.NullOr(Millis),
  /** When that was decided; null: it has not been checked yet. */
  decidedAt: Schema.NullOr(Millis),
  /** Consecutive failures of the last operation. */
  failures: Schema.NullOr(Schema.Struct({ count: Schema.Int, problem: Schema.String, notBefore: Millis })),
  /** Why it is left alone until `orchestrate retry`. */
  setAside: Schema.NullOr(Schema.String),
})
/** The life of an issue. */
export type IssueStatus = typeof IssueStatus.Type

/** The status of an issue that was looked at, with its oldest hint that was set aside. */
export const issueStatus = (
  { forge, owner, repo, issueNumber, state, waits, decidedAt, title }: StoredIssue,
  aside?: InboxRow,
): IssueStatus => ({
  forge,
  owner,
  repo,
  issueNumber,
  title,
  phase: state.phase,
  waits,
  reason: state.reason,
  until: state.nextAt === null ? null : Math.ceil(state.nextAt),
  decidedAt,
  failures:
    state.failures === null
      ? null
      : {
          count: state.failures.count,
          problem: state.failures.problem,
          notBefore: Math.ceil(state.failures.notBefore),
        },
  setAside: state.setAside ?? (aside === undefined ? null : asideReason(aside)),
})

/** The status of an issue of which only hints are known. */
export const hintedStatus = (issue: IssueKey, hint: InboxRow): IssueStatus => ({
  ...issue,
  title: null,
  phase: "idle",
  waits: null,
  reason: hint.state === "set-aside" ? asideReason(hint) : "it has not been checked yet",
  until: null,
  decidedAt: null,
  failures: null,
  setAside: hint.state === "set-aside" ? asideReason(hint) : null,
})

const asideReason = ({ tries, problem }: InboxRow): string =>
  `it failed ${tries} times: ${problem ?? "no reason"}`

/** Whether an issue is meant for an agent. Most issues of a forge are not, and are not shown. */
export const isOfInterest = ({ waits, phase, setAside, reason }: IssueStatus): boolean =>
  setAside !== null ||
  phase === "running" ||
  phase === "frozen" ||
  (waits === null ? reason !== "" : !["not-targeted", "over", "person"].includes(waits))
