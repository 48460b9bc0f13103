/** Inbox stores hints until they are handled. No accepted hint is lost. */
import { Context, type Effect } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { HintId, InboxHint, InboxRow } from "../domain/orchestrator/InboxHint.ts"
import type { IssueKey, IssueNumber, Page } from "../domain/orchestrator/IssueKey.ts"

/** Inbox stores hints until they are handled. */
export class Inbox extends Context.Tag("bot-bottle/Inbox")<
  Inbox,
  {
    /**
     * Once it returns, the hint survives a crash and a power cut. A hint whose ID was accepted before, in any state, changes nothing
     * (`known`).
     */
    readonly accept: (hint: InboxHint) => Effect.Effect<"accepted" | "known", StateStoreError>
    /** Open hints of an issue, in order of arrival. */
    readonly open: (issue: IssueKey) => Effect.Effect<ReadonlyArray<InboxRow>, StateStoreError>
    /** The oldest open hint of each issue, in order of arrival. */
    readonly waiting: (
      page: Page<Pick<InboxRow, "seq">>,
    ) => Effect.Effect<ReadonlyArray<InboxRow>, StateStoreError>
    /** Open hints that name no issue, in order of arrival. */
    readonly unrouted: (
      page: Page<Pick<InboxRow, "seq">>,
    ) => Effect.Effect<ReadonlyArray<InboxRow>, StateStoreError>
    /** Replaces an open hint by one for each of these issues of its repository, or by none. The replaced hint is handled. */
    readonly route: (
      id: HintId,
      issues: ReadonlyArray<IssueNumber>,
      at: number,
    ) => Effect.Effect<void, StateStoreError>
    /** Marks open hints as handled. A decision does this in its own transaction (`IssueStates.commit`). */
    readonly handle: (ids: ReadonlyArray<HintId>, at: number) => Effect.Effect<void, StateStoreError>
    /** Counts a failed attempt for these open hints, sets aside those that failed `most` times, and returns their IDs. */
    readonly failed: (
      ids: ReadonlyArray<HintId>,
      problem: string,
      most: number,
    ) => Effect.Effect<ReadonlyArray<HintId>, StateStoreError>
    /** Hints that were set aside, in order of arrival. */
    readonly setAside: (
      page: Page<Pick<InboxRow, "seq">>,
    ) => Effect.Effect<ReadonlyArray<InboxRow>, StateStoreError>
    /** Reopens the hints of an issue that were set aside, with their failure counts reset. */
    readonly reopen: (issue: IssueKey) => Effect.Effect<void, StateStoreError>
    /** Deletes hints that were handled before `before`: their IDs are no longer known. Returns how many. */
    readonly forget: (before: number) => Effect.Effect<number, StateStoreError>
  }
>() {}
