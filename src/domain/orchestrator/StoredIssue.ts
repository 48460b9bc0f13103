/** Stored issues: the state of each, and the decision that led to it. */
import { Schema } from "effect"
import type { Decision } from "./Decision.ts"
import type { HintId } from "./InboxHint.ts"
import { IssueKey, Millis, type OperationId, operationId } from "./IssueKey.ts"
import { IssueState } from "./IssueState.ts"
import type { OutboxMessage } from "./Outbox.ts"
import { type HostName, StoredOperation } from "./StoredOperation.ts"

/** An issue that was looked at. */
export class StoredIssue extends Schema.Class<StoredIssue>("StoredIssue")({
  ...IssueKey.fields,
  state: IssueState,
  /** The rule that made the last decision. */
  rule: Schema.String,
  /** What it waits for, as `Wait.kind`; null: an operation was begun. */
  waits: Schema.NullOr(Schema.String),
  decidedAt: Millis,
  /** As the forge last said; null when it is not known. It is a stranger's text. */
  title: Schema.NullOr(Schema.String).pipe(
    Schema.propertySignature,
    Schema.withConstructorDefault((): string | null => null),
  ),
}) {}

/** More of a title is not kept. */
export const TITLE_LENGTH_MAX = 255

/** A decision to store, with everything in its transaction. */
export interface IssueCommit {
  readonly issue: IssueKey
  /** Made from the state whose version is one less. */
  readonly decision: Decision
  /** The host that carries out its operation. */
  readonly host: HostName
  /** The hints that were seen before the forge was read; they are handled now. */
  readonly handled: ReadonlyArray<HintId>
  readonly at: number
  /** Messages to send; none unless given. */
  readonly messages?: ReadonlyArray<OutboxMessage>
  /** Title of the issue; the stored one stays unless given. */
  readonly title?: string
}

/** The result of a commit. All results except `Committed` stored nothing: look at the issue again. */
export type CommitResult =
  | { readonly _tag: "Committed"; readonly issue: StoredIssue; readonly operation?: StoredOperation }
  /** Another decision was stored first. */
  | { readonly _tag: "Outdated"; readonly version: number }
  /** The operation was not begun, because this one of the same issue is open or has the same ID. */
  | { readonly _tag: "OperationExists"; readonly operation: OperationId }

/** The rows that a commit stores over the row that there is. */
export const rowsOf = (
  {
    issue: { forge, owner, repo, issueNumber },
    decision: { verdict, state, rule },
    host,
    at,
    title: newTitle,
  }: IssueCommit,
  before?: Pick<StoredIssue, "title">,
): { readonly issue: StoredIssue; readonly operation?: StoredOperation } => {
  const key = { forge, owner, repo, issueNumber }
  const waits = verdict._tag === "Wait" ? verdict.kind : null
  const title = newTitle?.slice(0, TITLE_LENGTH_MAX) ?? before?.title ?? null
  const issue = new StoredIssue({ ...key, state, rule, waits, decidedAt: at, title })
  if (verdict._tag === "Wait") return { issue }
  const { generation, step } = state
  const operation = new StoredOperation({
    id: operationId(key, state),
    ...key,
    generation,
    step,
    host,
    input: verdict,
    state: "open",
    problem: null,
    started: null,
    createdAt: at,
    endedAt: null,
  })
  return { issue, operation }
}

/** An issue whose state was changed by hand. */
export const revised = (issue: StoredIssue, change: (state: IssueState) => IssueState): StoredIssue =>
  new StoredIssue({ ...issue, state: { ...change(issue.state), version: issue.state.version + 1 } })
