/** SignIns on SQLite: one row for each code and session, by digest. */
import { Array as Arr, Effect, Layer, Option } from "effect"
import type { StateStoreError } from "../../domain/Errors.ts"
import { SESSIONS_MAX, SignIns } from "../../services/SignIns.ts"
import * as Database from "./Database.ts"

/**
 * The sign-ins in the home's database, or in `filename`. Processes may share it. Fails when the database is newer, damaged or
 * inaccessible.
 */
export const layer = (options: Database.DatabaseOptions = {}): Layer.Layer<SignIns, StateStoreError> =>
  Layer.effect(SignIns, make).pipe(Layer.provide(Database.layer(options)))

const make = Effect.map(Database.Database, (database) =>
  SignIns.of({
    addCode: Effect.fn("SignIns.addCode")(({ digest, operator, until }) =>
      Effect.asVoid(
        database.run("addCode")(
          "INSERT INTO sign_in_codes (digest, operator, until_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
          digest,
          operator,
          until,
        ),
      ),
    ),
    // Durable: a code that was used must not be there again after a power cut.
    takeCode: Effect.fn("SignIns.takeCode")((digest, now) =>
      Effect.map(
        database.durable("takeCode", (run) =>
          run("DELETE FROM sign_in_codes WHERE digest = ? RETURNING operator, until_ms AS until", digest),
        ),
        (rows) =>
          Option.map(
            Option.filter(Arr.head(rows), ({ until }) => Number(until) > now),
            ({ operator }) => String(operator),
          ),
      ),
    ),
    addSession: Effect.fn("SignIns.addSession")(({ digest, operator, proof, until }) =>
      database.immediate("addSession", (run) =>
        Effect.zipRight(
          run(
            "INSERT INTO sessions (digest, operator, proof, until_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            digest,
            operator,
            proof,
            until,
          ),
          Effect.asVoid(
            run(
              `DELETE FROM sessions WHERE operator = ? AND seq NOT IN
               (SELECT seq FROM sessions WHERE operator = ? ORDER BY seq DESC LIMIT ${SESSIONS_MAX})`,
              operator,
              operator,
            ),
          ),
        ),
      ),
    ),
    session: Effect.fn("SignIns.session")((digest, now) =>
      Effect.map(
        database.run("session")(
          "SELECT operator, proof FROM sessions WHERE digest = ? AND until_ms > ?",
          digest,
          now,
        ),
        (rows) =>
          Option.map(Arr.head(rows), ({ operator, proof }) => ({
            operator: String(operator),
            proof: String(proof),
          })),
      ),
    ),
    endSession: Effect.fn("SignIns.endSession")((digest) =>
      Effect.asVoid(
        database.durable("endSession", (run) => run("DELETE FROM sessions WHERE digest = ?", digest)),
      ),
    ),
    forget: Effect.fn("SignIns.forget")((now) =>
      Effect.zipRight(
        database.run("forget")("DELETE FROM sign_in_codes WHERE until_ms <= ?", now),
        Effect.asVoid(database.run("forget")("DELETE FROM sessions WHERE until_ms <= ?", now)),
      ),
    ),
  }),
)
