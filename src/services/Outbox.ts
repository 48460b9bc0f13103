/** Outbox keeps what is to be sent until it was sent or given up; decisions put messages into it in their own transaction. */
import { Context, type Effect } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { OutboxMessage, OutboxRow } from "../domain/orchestrator/Outbox.ts"

/** Outbox keeps what is to be sent. */
export class Outbox extends Context.Tag("bot-bottle/Outbox")<
  Outbox,
  {
    /** Keeps messages, to be sent from `at` on. One whose id is known is not kept again, sent or not. */
    readonly put: (messages: ReadonlyArray<OutboxMessage>, at: number) => Effect.Effect<void, StateStoreError>
    /** Those that are due, in the order in which they came. */
    readonly due: (now: number, limit: number) => Effect.Effect<ReadonlyArray<OutboxRow>, StateStoreError>
    /** It was sent, or is given up. */
    readonly over: (id: string, at: number) => Effect.Effect<void, StateStoreError>
    /** It could not be sent, and is due again later. */
    readonly again: (id: string, nextAt: number) => Effect.Effect<void, StateStoreError>
    /** Forgets what was over before a time. */
    readonly forget: (before: number) => Effect.Effect<void, StateStoreError>
  }
>() {}
