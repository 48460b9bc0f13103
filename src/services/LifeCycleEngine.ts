/** LifeCycleEngine carries issues through their life: it looks at an issue whenever a hint says so or its time has come, one look at a time. */
import { Context, type Effect } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { InboxHint } from "../domain/orchestrator/InboxHint.ts"
import type { IssueKey } from "../domain/orchestrator/IssueKey.ts"

/** LifeCycleEngine carries issues through their life. */
export class LifeCycleEngine extends Context.Tag("bot-bottle/LifeCycleEngine")<
  LifeCycleEngine,
  {
    /** Keeps a hint and returns; the issue is looked at soon, or by whoever serves next. A hint whose id is `known` changes nothing. */
    readonly hint: (hint: InboxHint) => Effect.Effect<"accepted" | "known", StateStoreError>
    /** Looks at an issue soon, without a hint. */
    readonly look: (issue: IssueKey) => Effect.Effect<void>
    /** Waits until no issue is to be looked at and no operation is being carried out. Agents may be at work. */
    readonly idle: Effect.Effect<void>
  }
>() {}
