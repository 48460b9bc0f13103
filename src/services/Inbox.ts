/** Inbox keeps hints until they are handled; none that was accepted is lost. */
import { Context, type Effect } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { HintId, InboxHint, InboxRow } from "../domain/orchestrator/InboxHint.ts"
import type { IssueKey, IssueNumber, Page } from "../domain/orchestrator/IssueKey.ts"

/** Inbox keeps hints until they are handled. */
export class Inbox extends Context.Tag("bot-bottle/Inbox")<
  Inbox,
  {
    /** Once it returns, the hint survives a crash and a loss of power. A hint whose id is `known`, in any state, changes nothing. */
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
    /** Puts an open hint in the place of another for each of these issues of its repository, or of none; the other is handled. */
    readonly route: (
      id: HintId,
      issues: ReadonlyArray<IssueNumber>,
      at: number,
    ) => Effect.Effect<void, StateStoreError>
    /** Marks open hints as handled; a decision does it in its own transaction (`IssueStates.commit`). */
    readonly handle: (ids: ReadonlyArray<HintId>, at: number) => Effect.Effect<void, StateStoreError>
    /** Counts that looking at these open hints failed; sets aside those that failed `most` times, and returns their ids. */
    readonly failed: (
      ids: ReadonlyArray<HintId>,
      problem: string,
      most: number,
    ) => Effect.Effect<ReadonlyArray<HintId>, StateStoreError>
    /** Hints that were set aside, in order of arrival. */
    readonly setAside: (
      page: Page<Pick<InboxRow, "seq">>,
    ) => Effect.Effect<ReadonlyArray<InboxRow>, StateStoreError>
    /** Opens the hints of an issue that were set aside again, with no failures counted. */
    readonly reopen: (issue: IssueKey) => Effect.Effect<void, StateStoreError>
    /** Forgets hints that were handled before `before`: their ids are no longer known. Returns how many. */
    readonly forget: (before: number) => Effect.Effect<number, StateStoreError>
  }
>() {}
