/** HomeLease on SQLite: one row with the process that holds it. */
import { Effect, Layer, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { HomeServed, StateStoreError } from "../../domain/Errors.ts"
import { ProcessIdentity } from "../../domain/ProcessIdentity.ts"
import { HomeLease } from "../../services/HomeLease.ts"
import { isAlive, self } from "../process/ProcessIdentity.ts"
import * as Database from "./Database.ts"
import type { Run } from "./run.ts"

/** The lease of the home's database, or of `filename`. Fails when the database is newer, damaged or inaccessible. */
export const layer = (options: Database.DatabaseOptions = {}): Layer.Layer<HomeLease, StateStoreError> =>
  Layer.effect(HomeLease, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  const holder = yield* self
  const take = Effect.fnUntraced(function* (run: Run) {
    const [row] = yield* run("SELECT holder FROM home_lease")
    if (row !== undefined) {
      const held = yield* Effect.mapError(
        decode(row["holder"]),
        (cause) => new StateStoreError({ operation: "hold", reason: "the lease cannot be read", cause }),
      )
      if (yield* isAlive(held)) return yield* new HomeServed({ pid: held.pid })
    }
    const lease = JSON.stringify({ ...holder, token: randomUUID() })
    yield* run(
      "INSERT INTO home_lease (one, holder) VALUES (1, ?) ON CONFLICT DO UPDATE SET holder = excluded.holder",
      lease,
    )
    return lease
  })
  return HomeLease.of({
    hold: Effect.asVoid(
      Effect.acquireRelease(database.immediate("hold", take), (lease) =>
        Effect.catchAll(database.run("hold")("DELETE FROM home_lease WHERE holder = ?", lease), (error) =>
          Effect.logError("the lease of the home stays until this process ends", error),
        ),
      ),
    ),
  })
})

const decode = Schema.decodeUnknown(
  Schema.parseJson(Schema.Struct({ ...ProcessIdentity.fields, token: Schema.String })),
)
