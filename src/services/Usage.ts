/** Usage keeps what runs used, and sums it for limits and budgets. */
import { Context, type Effect } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { RunUsage, UsageOf, UsageTotal } from "../domain/orchestrator/Usage.ts"

/** Usage keeps what runs used. */
export class Usage extends Context.Tag("bot-bottle/Usage")<
  Usage,
  {
    /** Counts a run that ended without an operation (`Operations.finish` counts the others). A run counts once, as it was counted first. */
    readonly record: (usage: RunUsage) => Effect.Effect<void, StateStoreError>
    /** The sum of the runs that have all that `of` gives; of all runs when it gives nothing. */
    readonly total: (of: UsageOf) => Effect.Effect<UsageTotal, StateStoreError>
  }
>() {}
