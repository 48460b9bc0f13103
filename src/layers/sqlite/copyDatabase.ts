/** copyDatabase and moveArtifacts: a consistent copy of a database that other processes may be writing, for another place. */
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { Effect } from "effect"
import { recognise } from "./recognise.ts"
import type { Row, Run } from "./run.ts"
import { sqliteFailure } from "./sqliteFailure.ts"

/** Copies a database by SQLite's online back-up, and returns its schema version. Refuses a newer one and another program's. */
export const copyDatabase = Effect.fn("copyDatabase")(function* (from: string, to: string) {
  const failure = (cause: unknown) => sqliteFailure(from, "backup", cause)
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const client = yield* SqliteClient.make({ filename: from, readonly: true, disableWAL: true }).pipe(
        Effect.catchAllDefect(failure),
      )
      // The client has one connection: a reserved one would make the back-up wait forever.
      const run: Run = (text, ...params) => Effect.mapError(client.unsafe<Row>(text, params), failure)
      const version = yield* recognise(from, run)
      yield* Effect.mapError(client.backup(to), failure)
      return version
    }),
  ).pipe(Effect.provide(Reactivity.layer))
})

const MOVED = `UPDATE bottles
  SET metadata = json_set(metadata, '$.artifact', ? || substr(json_extract(metadata, '$.artifact'), length(?) + 1))
  WHERE substr(json_extract(metadata, '$.artifact'), 1, length(?)) = ?`

/** Replaces the beginning of artifacts' names in a database that nobody else uses. */
export const moveArtifacts = Effect.fn("moveArtifacts")(function* (
  filename: string,
  from: string,
  to: string,
) {
  const failure = (cause: unknown) => sqliteFailure(filename, "restore", cause)
  return yield* Effect.scoped(
    SqliteClient.make({ filename, disableWAL: true }).pipe(
      Effect.catchAllDefect(failure),
      Effect.flatMap((client) => Effect.mapError(client.unsafe(MOVED, [to, from, from, from]), failure)),
      Effect.asVoid,
    ),
  ).pipe(Effect.provide(Reactivity.layer))
})
