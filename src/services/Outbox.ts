/** Outbox stores messages until they are sent or given up. Decisions add messages in their own transaction. */
import { Context, type Effect } from "effect"
import type { StateStoreError } from "../domain/Errors.ts"
import type { OutboxMessage, OutboxRow, UnsentMessage } from "../domain/orchestrator/Outbox.ts"

/** Outbox stores messages until they are sent or given up. */
export class Outbox extends Context.Tag("bot-bottle/Outbox")<
  Outbox,
  {
    /** Stores messages, to be sent from `at` on. A message with a known ID, sent or not, is not stored again. */
    readonly put: (messages: ReadonlyArray<OutboxMessage>, at: number) => Effect.Effect<void, StateStoreError>
    /** Messages that are due, in the order in which they were added. */
    readonly due: (now: number, limit: number) => Effect.Effect<ReadonlyArray<OutboxRow>, StateStoreError>
    /** The first messages that are neither sent nor given up, in the order in which they were added. */
    readonly unsent: (limit: number) => Effect.Effect<ReadonlyArray<UnsentMessage>, StateStoreError>
    /** Marks a message as sent or given up. */
    readonly over: (id: string, at: number) => Effect.Effect<void, StateStoreError>
    /** Schedules a message that could not be sent for a later attempt. */
    readonly again: (id: string, nextAt: number) => Effect.Effect<void, StateStoreError>
    /** Deletes messages that were sent or given up before a time. */
    readonly forget: (before: number) => Effect.Effect<void, StateStoreError>
  }
>() {}
