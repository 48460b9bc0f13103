/** The result of `decide`: one operation on the bottle of an issue, or to wait, each with its reason in words. */
import type { IssueState } from "./IssueState.ts"
import type { Operation } from "./Operation.ts"

/** What an issue waits for. `refused`: it was meant for an agent and cannot be taken; somebody has to change it. */
export type WaitKind =
  | "operation"
  | "not-targeted"
  | "refused"
  | "dependencies"
  | "agent"
  | "grace"
  | "settle"
  | "person"
  | "over"
  | "set-aside"
  | "paused"
  | "back-off"
  | "gave-up"
  | "lost"
  | "provider"
  | "limit"
  | "turn"
  | "conflict"

/** Does nothing until a hint arrives, or until `until` (this machine's clock). */
export interface Wait {
  readonly _tag: "Wait"
  readonly kind: WaitKind
  readonly reason: string
  readonly until?: number
}

/** What to do, by which rule, and the row to store with the decision. */
export interface Decision {
  readonly verdict: Operation | Wait
  /** Name of the rule that made the decision. */
  readonly rule: string
  /** Stored in one transaction with the operation. Its `version` is one more than the input's. */
  readonly state: IssueState
}
