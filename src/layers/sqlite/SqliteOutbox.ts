/** Outbox on SQLite: one row for each message, with its due time. */
import { Effect, Layer, Schema } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import { OutboxMessage, OutboxRow, UnsentMessage } from "../../domain/orchestrator/Outbox.ts"
import { Outbox } from "../../services/Outbox.ts"
import * as Database from "./Database.ts"
import type { Run } from "./run.ts"

/**
 * The messages in the home's database, or in `filename`. Processes may share it. Fails when the database is newer, damaged or
 * inaccessible.
 */
export const layer = (options: Database.DatabaseOptions = {}): Layer.Layer<Outbox, StateStoreError> =>
  Layer.effect(Outbox, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  return Outbox.of({
    put: Effect.fn("Outbox.put")((messages, at) =>
      database.durable("put", (run) => putMessages(run, messages, at)),
    ),
    due: Effect.fn("Outbox.due")(function* (now, limit) {
      const rows = yield* database.run("due")(
        "SELECT id, body, tries FROM outbox WHERE next_ms <= ? ORDER BY seq LIMIT ?",
        now,
        limit,
      )
      return yield* Effect.mapError(
        decode(rows),
        (cause) => new StateStoreError({ operation: "due", reason: "a message cannot be read", cause }),
      )
    }),
    unsent: Effect.fn("Outbox.unsent")(function* (limit) {
      const rows = yield* database.run("unsent")(
        "SELECT id, body, tries, next_ms AS nextAt FROM outbox WHERE next_ms IS NOT NULL ORDER BY seq LIMIT ?",
        limit,
      )
      return yield* Effect.mapError(
        decodeUnsent(rows),
        (cause) => new StateStoreError({ operation: "unsent", reason: "a message cannot be read", cause }),
      )
    }),
    over: Effect.fn("Outbox.over")((id, at) =>
      Effect.asVoid(
        database.durable("over", (run) =>
          run("UPDATE outbox SET next_ms = NULL, over_ms = ? WHERE id = ?", at, id),
        ),
      ),
    ),
    again: Effect.fn("Outbox.again")((id, nextAt) =>
      Effect.asVoid(
        database.durable("again", (run) =>
          run(
            "UPDATE outbox SET next_ms = ?, tries = tries + 1 WHERE id = ? AND over_ms IS NULL",
            Math.ceil(nextAt),
            id,
          ),
        ),
      ),
    ),
    forget: Effect.fn("Outbox.forget")((before) =>
      Effect.asVoid(database.run("forget")("DELETE FROM outbox WHERE over_ms < ?", before)),
    ),
  })
})

/** Runs inside a transaction. */
export const putMessages = (
  run: Run,
  messages: ReadonlyArray<OutboxMessage>,
  at: number,
): Effect.Effect<void, StateStoreError> =>
  Effect.forEach(
    messages,
    ({ id, body }) =>
      Effect.flatMap(Effect.orDie(encode(body)), (text) =>
        run(
          "INSERT INTO outbox (id, body, next_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
          id,
          text,
          Math.ceil(at),
        ),
      ),
    { discard: true },
  )

const encode = Schema.encode(Schema.parseJson(OutboxMessage.fields.body))
const decode = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ ...OutboxRow.fields, body: Schema.parseJson(OutboxRow.fields.body) })),
)
const decodeUnsent = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ ...UnsentMessage.fields, body: Schema.parseJson(OutboxRow.fields.body) })),
)
