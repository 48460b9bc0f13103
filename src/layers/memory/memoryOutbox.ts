/** Outbox in memory: messages with the time of their next attempt. */
import { Effect } from "effect"
import type { OutboxMessage } from "../../domain/orchestrator/Outbox.ts"
import { Outbox } from "../../services/Outbox.ts"
import type { Sending, Tables } from "./lifeTables.ts"

/** The outbox over the tables. */
export const outboxOver = (tables: Tables) => {
  const change = (id: string, to: (sending: Sending) => Sending) =>
    Effect.sync(() => {
      const sending = tables.outbox.get(id)
      if (sending !== undefined && sending.overAt === undefined) tables.outbox.set(id, to(sending))
    })
  return Outbox.of({
    put: (messages, at) => Effect.sync(() => send(tables, messages, at)),
    due: (now, limit) =>
      Effect.sync(() =>
        [...tables.outbox.values()]
          .filter(({ overAt, nextAt }) => overAt === undefined && nextAt <= now)
          .slice(0, limit)
          .map(({ row }) => row),
      ),
    unsent: (limit) =>
      Effect.sync(() =>
        [...tables.outbox.values()]
          .filter(({ overAt }) => overAt === undefined)
          .slice(0, limit)
          .map(({ row: { id, body, tries }, nextAt }) => ({ id, body, tries, nextAt })),
      ),
    over: (id, at) => change(id, (sending) => ({ ...sending, overAt: at })),
    again: (id, nextAt) => change(id, ({ row }) => ({ row: { ...row, tries: row.tries + 1 }, nextAt })),
    forget: (before) =>
      Effect.sync(() => {
        for (const [id, { overAt }] of tables.outbox)
          if (overAt !== undefined && overAt < before) tables.outbox.delete(id)
      }),
  })
}

/** Stores messages, unless their IDs are known. */
export const send = ({ outbox }: Tables, messages: ReadonlyArray<OutboxMessage>, at: number): void => {
  for (const message of messages)
    if (!outbox.has(message.id)) outbox.set(message.id, { row: { ...message, tries: 0 }, nextAt: at })
}
