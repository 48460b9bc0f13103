/** SweepCursors on SQLite: one row for each forge. */
import { Effect, Layer, Option, Schema } from "effect"
import { StateStoreError } from "../../domain/Errors.ts"
import { SweepCursor } from "../../domain/orchestrator/SweepCursor.ts"
import { SweepCursors } from "../../services/SweepCursors.ts"
import * as Database from "./Database.ts"

/**
 * The cursors in the home's database, or in `filename`. Processes may share it. Fails when the database is newer, damaged or
 * inaccessible.
 */
export const layer = (options: Database.DatabaseOptions = {}): Layer.Layer<SweepCursors, StateStoreError> =>
  Layer.effect(SweepCursors, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.gen(function* () {
  const database = yield* Database.Database
  return SweepCursors.of({
    get: Effect.fn("SweepCursors.get")(function* (forge) {
      const rows = yield* database.run("get")(
        "SELECT forge_ms AS forgeTime, swept_ms AS sweptAt, listing FROM sweeps WHERE forge = ?",
        forge,
      )
      const found = yield* Effect.mapError(
        decode(rows),
        (cause) => new StateStoreError({ operation: "get", reason: "a row of sweeps cannot be read", cause }),
      )
      return Option.fromNullable(found[0])
    }),
    set: Effect.fn("SweepCursors.set")((forge, { forgeTime, sweptAt, listing }) =>
      Effect.asVoid(
        database.run("set")(
          `INSERT INTO sweeps (forge, forge_ms, swept_ms, listing) VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET forge_ms = excluded.forge_ms, swept_ms = excluded.swept_ms, listing = excluded.listing`,
          forge,
          forgeTime,
          sweptAt,
          listing,
        ),
      ),
    ),
  })
})

const decode = Schema.decodeUnknown(Schema.Array(SweepCursor))
