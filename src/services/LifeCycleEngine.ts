/** LifeCycleEngine carries issues through their life. It looks at an issue when a hint says so or its time has come, one look at a time. */
import { Context, type Effect } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { InboxHint } from "../domain/orchestrator/InboxHint.ts"
import type { IssueKey } from "../domain/orchestrator/IssueKey.ts"

/** LifeCycleEngine carries issues through their life. */
export class LifeCycleEngine extends Context.Tag("bot-bottle/LifeCycleEngine")<
  LifeCycleEngine,
  {
    /**
     * Stores a hint and returns. The issue is looked at soon, or by the next process that serves. A hint whose ID was accepted before
     * changes nothing (`known`).
     */
    readonly hint: (hint: InboxHint) => Effect.Effect<"accepted" | "known", StateStoreError>
    /** Looks at an issue soon, without a hint. */
    readonly look: (issue: IssueKey) => Effect.Effect<void>
    /** Waits until no issue is due and no operation is running. Agents may still be at work. */
    readonly idle: Effect.Effect<void>
  }
>() {}
