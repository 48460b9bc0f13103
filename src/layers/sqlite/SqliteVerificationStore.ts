/** VerificationStore on SQLite: one row for each image, engine and version that passed, in the home's database. */
import { Effect, Layer, Option, Schema } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import { VerificationStore } from "../../services/VerificationStore.ts"
import * as Database from "./Database.ts"
import type { DatabaseOptions } from "./Database.ts"

export type { DatabaseOptions } from "./Database.ts"

/** The store in the home's database, or in `filename`. Processes may share it. */
export const layer = (options: DatabaseOptions = {}): Layer.Layer<VerificationStore, StateStoreError> =>
  Layer.effect(VerificationStore, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  return VerificationStore.of({
    passedAt: Effect.fn("VerificationStore.passedAt")(function* ({ image, engine, version }) {
      const rows = yield* database.run("passedAt")(
        "SELECT verified_at AS at FROM verifications WHERE image = ? AND engine = ? AND version = ?",
        image,
        engine,
        version,
      )
      const decoded = yield* Effect.mapError(
        decode(rows),
        (cause) => new StateStoreError({ operation: "passedAt", reason: "a row cannot be read", cause }),
      )
      return Option.map(Option.fromNullable(decoded[0]), ({ at }) => at)
    }),
    record: Effect.fn("VerificationStore.record")(({ image, engine, version }, at) =>
      Effect.asVoid(
        database.run("record")(
          `INSERT INTO verifications (image, engine, version, verified_at) VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET verified_at = excluded.verified_at`,
          image,
          engine,
          version,
          at,
        ),
      ),
    ),
  })
})

const decode = Schema.decodeUnknown(Schema.Array(Schema.Struct({ at: Schema.String })))
