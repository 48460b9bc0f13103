/** copyDatabase and moveArtifacts: a consistent copy of a database that other processes may be writing, for another place. */
import { Effect } from "effect"
import { connect, statements } from "./connection.ts"
import { recognise } from "./recognise.ts"
import { sqliteFailure } from "./sqliteFailure.ts"

/** Copies a database by SQLite's online back-up, and returns its schema version. Refuses a newer one and another program's. */
export const copyDatabase = Effect.fn("copyDatabase")(function* (from: string, to: string) {
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* connect(from, { readonly: true })
      const version = yield* recognise(from, statements(from, connection)("backup"))
      yield* Effect.tryPromise({
        try: () => connection.backup(to),
        catch: (cause) => sqliteFailure(from, "backup", cause),
      })
      return version
    }),
  )
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
  return yield* Effect.scoped(
    Effect.flatMap(connect(filename), (connection) =>
      Effect.asVoid(statements(filename, connection)("restore")(MOVED, to, from, from, from)),
    ),
  )
})
