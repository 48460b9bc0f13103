/** Rows of the orchestrator's tables, for tests. */
import { newIssueState, type IssueState } from "../../src/domain/orchestrator/IssueState.ts"
import type { Decision, WaitKind } from "../../src/domain/orchestrator/Decision.ts"
import { HintId, InboxHint } from "../../src/domain/orchestrator/InboxHint.ts"
import { IssueNumber, type IssueKey } from "../../src/domain/orchestrator/IssueKey.ts"
import type { Operation } from "../../src/domain/orchestrator/Operation.ts"
import type { IssueCommit } from "../../src/domain/orchestrator/StoredIssue.ts"
import { HostName } from "../../src/domain/orchestrator/StoredOperation.ts"

/** An issue of one repository, unless told otherwise. */
export const issue = (number = 17, fields: Partial<IssueKey> = {}): IssueKey => ({
  forge: "https://git.example/api/v1",
  owner: "acme",
  repo: "cellar",
  issueNumber: IssueNumber.make(number),
  ...fields,
})

/** An id without meaning. */
export const hintId = (name: string) => HintId.make(name)

/** A hint about {@link issue} 17, unless told otherwise. */
export const hint = (name: string, fields: Partial<ConstructorParameters<typeof InboxHint>[0]> = {}) =>
  new InboxHint({ id: hintId(name), ...issue(), kind: "comment", receivedAt: 1000, detail: {}, ...fields })

/** A host. */
export const host = HostName.make("host-a")

/** An operation that needs nothing else. */
export const stop: Operation = { _tag: "Stop", reason: "its agent runs on after signal_done" }

/** To wait, with a state of that version. */
export const waits = (
  version: number,
  state: Partial<IssueState> = {},
  kind: WaitKind = "person",
): Decision => ({
  verdict: { _tag: "Wait", kind, reason: "it waits" },
  rule: "rest",
  state: { ...newIssueState, generation: 1, version, ...state },
})

/** To operate; the step is the version, unless told otherwise. */
export const begins = (
  version: number,
  operation: Operation = stop,
  state: Partial<IssueState> = {},
): Decision => ({
  verdict: operation,
  rule: "test",
  state: { ...newIssueState, generation: 1, step: version, version, ...state },
})

/** A commit of a decision about {@link issue} 17, unless told otherwise. */
export const commit = (decision: Decision, fields: Partial<IssueCommit> = {}): IssueCommit => ({
  issue: issue(),
  decision,
  host,
  handled: [],
  at: 5000,
  ...fields,
})
