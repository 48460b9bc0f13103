/** IssueStates stores the state of each issue. A decision is stored as a whole, over the version it was made from, or not at all. */
import { Context, type Effect, type Option } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { IssueKey, Page } from "../domain/orchestrator/IssueKey.ts"
import type { IssueSearch, PhaseCounts } from "../domain/orchestrator/IssueSearch.ts"
import type { IssueState } from "../domain/orchestrator/IssueState.ts"
import type { CommitResult, IssueCommit, StoredIssue } from "../domain/orchestrator/StoredIssue.ts"

/** IssueStates stores the state of each issue. */
export class IssueStates extends Context.Tag("bot-bottle/IssueStates")<
  IssueStates,
  {
    readonly get: (issue: IssueKey) => Effect.Effect<Option.Option<StoredIssue>, StateStoreError>
    /**
     * Stores the state, the decided operation if there is one, and that its hints are handled, in one transaction that survives a power
     * cut. Of two commits over the same version only one succeeds, also between processes.
     */
    readonly commit: (commit: IssueCommit) => Effect.Effect<CommitResult, StateStoreError>
    /**
     * Changes the state of an issue by hand and bumps its version, so that a decision in progress becomes outdated. Returns the new
     * row; none when there is no row.
     */
    readonly revise: (
      issue: IssueKey,
      change: (state: IssueState) => IssueState,
    ) => Effect.Effect<Option.Option<StoredIssue>, StateStoreError>
    /** Issues whose `nextAt` is `now` or earlier, ordered by that time. Handle a page before you ask for the next with its last row. */
    readonly due: (
      now: number,
      page: Page<StoredIssue>,
    ) => Effect.Effect<ReadonlyArray<StoredIssue>, StateStoreError>
    /** Issues whose last decision was to wait for this (`Wait.kind`), ordered by forge, owner, repository, number. */
    readonly waiting: (
      kind: string,
      page: Page<IssueKey>,
    ) => Effect.Effect<ReadonlyArray<StoredIssue>, StateStoreError>
    /** Issues with a bottle that is not destroyed (`IssueState.live`), in the same order. */
    readonly live: (page: Page<IssueKey>) => Effect.Effect<ReadonlyArray<StoredIssue>, StateStoreError>
    /** Newest decision first. */
    readonly search: (search: IssueSearch) => Effect.Effect<ReadonlyArray<StoredIssue>, StateStoreError>
    /** How many issues are in each phase, without those that never had a bottle. */
    readonly count: Effect.Effect<PhaseCounts, StateStoreError>
    /** Ordered by forge, owner, repository, number. Reads every row: for reports, not for each event. */
    readonly all: (page: Page<IssueKey>) => Effect.Effect<ReadonlyArray<StoredIssue>, StateStoreError>
  }
>() {}
