/** History stores what happened, in order. Decisions, starts and ends of operations are stored in their own transactions. */
import { Context, type Effect } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { HistoryEntry, NewHistoryEntry } from "../domain/orchestrator/History.ts"
import type { IssueKey, Page } from "../domain/orchestrator/IssueKey.ts"

/** History stores what happened. An entry with a smaller number is never seen after one with a greater number. */
export class History extends Context.Tag("bot-bottle/History")<
  History,
  {
    /** Stores an entry that no other store adds, such as an operator's order. */
    readonly add: (entry: NewHistoryEntry) => Effect.Effect<void, StateStoreError>
    /** Entries about everything, oldest first. */
    readonly all: (
      page: Page<Pick<HistoryEntry, "seq">>,
    ) => Effect.Effect<ReadonlyArray<HistoryEntry>, StateStoreError>
    /** Entries about one issue, oldest first. */
    readonly of: (
      issue: IssueKey,
      page: Page<Pick<HistoryEntry, "seq">>,
    ) => Effect.Effect<ReadonlyArray<HistoryEntry>, StateStoreError>
    /** The number of the newest entry; 0 when there is none. */
    readonly newest: Effect.Effect<number, StateStoreError>
    /** Deletes entries that are older than `before` (milliseconds since the epoch). */
    readonly forget: (before: number) => Effect.Effect<void, StateStoreError>
  }
>() {}
