/** Stored operations: the host that performs each, its state, and its result. */
import { Schema } from "effect"
import { Slug } from "../Slug.ts"
import { InboxHint, operationHintId } from "./InboxHint.ts"
import { IssueKey, Millis, OperationId, RunNumber } from "./IssueKey.ts"
import type { ObservedOperation } from "./Observed.ts"
import { Operation } from "./Operation.ts"
import type { RunUse } from "./Usage.ts"

/** Name of the machine with the engine. */
export const HostName = Schema.NonEmptyString.pipe(Schema.brand("HostName"))
/** Name of the machine with the engine. */
export type HostName = typeof HostName.Type

/** The bottle and the run that an operation starts. */
export const StartedRun = Schema.Struct({ slug: Slug, run: RunNumber })
/** The bottle and the run that an operation starts. */
export type StartedRun = typeof StartedRun.Type

/** An operation: `open` until its host has finished it, successfully or not. */
export class StoredOperation extends Schema.Class<StoredOperation>("StoredOperation")({
  id: OperationId,
  ...IssueKey.fields,
  generation: Schema.Int,
  step: Schema.Int,
  host: HostName,
  input: Operation,
  state: Schema.Literal("open", "done", "failed"),
  /** Why it failed. */
  problem: Schema.NullOr(Schema.String),
  /** For a launch or a resume, recorded before its agent starts: a repetition continues that run. */
  started: Schema.NullOr(StartedRun),
  createdAt: Millis,
  endedAt: Schema.NullOr(Millis),
}) {}

/** A run that an operation started, and what it used; null until it has ended. */
export interface IssueRun {
  readonly operation: StoredOperation
  readonly use: RunUse | null
}

/** The result of an operation. */
export interface OperationEnd {
  readonly at: number
  /** Why it failed; absent: it succeeded. */
  readonly problem?: string
  /** What the run used that ended with it. */
  readonly usage?: RunUse
}

/** The operation with its result. */
export const finished = (operation: StoredOperation, { at, problem }: OperationEnd): StoredOperation =>
  new StoredOperation({
    ...operation,
    state: problem === undefined ? "done" : "failed",
    problem: problem ?? null,
    endedAt: at,
  })

/** The hint that an operation adds when it ends. */
export const endedHint = ({ id, forge, owner, repo, issueNumber }: StoredOperation, at: number): InboxHint =>
  new InboxHint({
    id: operationHintId(id),
    forge,
    owner,
    repo,
    issueNumber,
    kind: "operation",
    receivedAt: at,
    detail: {},
  })

/** The operation as input of `decide`. */
export const observedOperation = ({
  generation,
  step,
  input,
  state,
  problem,
  endedAt,
}: StoredOperation): ObservedOperation => ({
  generation,
  step,
  input,
  state,
  ...(problem !== null && { problem }),
  ...(endedAt !== null && { endedAt }),
})
