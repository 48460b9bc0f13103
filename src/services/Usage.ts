/** Usage stores what runs used, and sums it for limits and budgets. */
import { Context, type Effect } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { RunUsage, UsageBy, UsageOf, UsageSum, UsageTotal } from "../domain/orchestrator/Usage.ts"

/** Usage stores what runs used. */
export class Usage extends Context.Tag("bot-bottle/Usage")<
  Usage,
  {
    /**
     * Counts a run that ended without an operation (`Operations.finish` counts the others). A run is counted once; the first count
     * stays.
     */
    readonly record: (usage: RunUsage) => Effect.Effect<void, StateStoreError>
    /** The sum of all runs that match every field of `of`; of all runs when it is empty. */
    readonly total: (of: UsageOf) => Effect.Effect<UsageTotal, StateStoreError>
    /** Sums by day (newest first), repository or issue (most tokens first). */
    readonly sums: (by: UsageBy) => Effect.Effect<ReadonlyArray<UsageSum>, StateStoreError>
  }
>() {}
