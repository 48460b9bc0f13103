/** IssueStates keeps the state of each issue; a decision is stored whole, over the version it was made from, or not at all. */
import { Context, type Effect, type Option } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { IssueKey, Page } from "../domain/orchestrator/IssueKey.ts"
import type { IssueState } from "../domain/orchestrator/IssueState.ts"
import type { CommitResult, IssueCommit, StoredIssue } from "../domain/orchestrator/StoredIssue.ts"

/** IssueStates keeps the state of each issue. */
export class IssueStates extends Context.Tag("bot-bottle/IssueStates")<
  IssueStates,
  {
    readonly get: (issue: IssueKey) => Effect.Effect<Option.Option<StoredIssue>, StateStoreError>
    /**
     * Stores the state, the operation where one was decided, and that its hints are handled, in one transaction that survives a loss of
     * power. Of two commits over the same version one wins, between processes too.
     */
    readonly commit: (commit: IssueCommit) => Effect.Effect<CommitResult, StateStoreError>
    /** Changes the state of an issue by hand, with a version of its own, so that a decision under way is outdated. Returns the new row, none when there is none. */
    readonly revise: (
      issue: IssueKey,
      change: (state: IssueState) => IssueState,
    ) => Effect.Effect<Option.Option<StoredIssue>, StateStoreError>
    /** Issues whose `nextAt` is `now` or earlier, by that time. Handle a page before asking for the next, with its last row. */
    readonly due: (
      now: number,
      page: Page<StoredIssue>,
    ) => Effect.Effect<ReadonlyArray<StoredIssue>, StateStoreError>
    /** Ordered by forge, owner, repository, number. */
    readonly all: (page: Page<IssueKey>) => Effect.Effect<ReadonlyArray<StoredIssue>, StateStoreError>
  }
>() {}
