/** The ledger of deploy keys: one file for each, from before the key is registered until it is revoked, whatever happens to its bottle. */
import { Effect, Option, Schema } from "effect"
import { chmod, mkdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { RunKey } from "../../domain/DeployKey.ts"
import { ProcessIdentity } from "../../domain/ProcessIdentity.ts"
import { Processes } from "../../services/Processes.ts"
import {
  file,
  type FileFailure,
  orElseOn,
  replaceFile,
  syncDirectory,
  unlinkIfThere,
  namesIn,
  ensureDirectory,
} from "../../files/files.ts"

/** An entry of the ledger. */
export const KeyEntry = Schema.Struct({
  version: Schema.Literal(1),
  key: RunKey,
  /** Path of its private key while it is in use. */
  privateFile: Schema.String,
  /** The process of the sidecar that uses it; null when the sidecar could not revoke it at its end. */
  holder: Schema.NullOr(ProcessIdentity),
})
/** An entry of the ledger. */
export type KeyEntry = typeof KeyEntry.Type

const Text = Schema.parseJson(KeyEntry)
const encode = Schema.encodeSync(Text)
const decode = Schema.decodeUnknown(Text)

const pathOf = (ledger: string, name: string): string => join(ledger, `${name}.json`)

/** Writes an entry. It is flushed to disk when this returns. */
export const write = Effect.fnUntraced(function* (ledger: string, entry: KeyEntry) {
  yield* ensureDirectory(ledger)
  yield* replaceFile(pathOf(ledger, entry.key.name), `${encode(entry)}\n`)
})

/** Removes an entry. Succeeds when there is none. */
export const strike = Effect.fnUntraced(function* (ledger: string, name: string) {
  yield* unlinkIfThere(pathOf(ledger, name))
  yield* syncDirectory(ledger).pipe(orElseOn("ENOENT", undefined))
})

/** All entries. A file that cannot be parsed is logged and skipped: its key may still be registered. */
export const entries = Effect.fnUntraced(function* (ledger: string) {
  const names = yield* namesIn(ledger)
  const found = yield* Effect.forEach(
    names.filter((name) => name.endsWith(".json") && !name.startsWith(".")).sort(),
    (name) =>
      file(() => readFile(join(ledger, name), "utf8")).pipe(
        Effect.asSome,
        orElseOn("ENOENT", Option.none<string>()),
        Effect.flatMap(
          Option.match({
            onNone: () => Effect.succeedNone,
            onSome: (text) =>
              Effect.matchEffect(decode(text), {
                onFailure: () =>
                  Effect.as(
                    Effect.logWarning(
                      `${join(ledger, name)} records a deploy key and cannot be read: find the key at the forge, remove it there, then remove the file`,
                    ),
                    Option.none<KeyEntry>(),
                  ),
                onSuccess: Effect.succeedSome,
              }),
          }),
        ),
      ),
  )
  return found.flatMap(Option.toArray)
})

/** Entries whose key no sidecar uses: it died, or could not revoke its key when it ended. */
export const leftEntries = (ledger: string): Effect.Effect<ReadonlyArray<KeyEntry>, FileFailure, Processes> =>
  Effect.gen(function* () {
    const { isAlive } = yield* Processes
    return yield* Effect.filter(yield* entries(ledger), ({ holder }) =>
      holder === null ? Effect.succeed(true) : Effect.map(isAlive(holder), (alive) => !alive),
    )
  })

/** A private directory for private keys; not created if a destroy removed the run directory meanwhile. */
export const ownDirectory = (path: string): Effect.Effect<void, FileFailure> =>
  Effect.zipRight(
    file(() => mkdir(path, { mode: 0o700 })).pipe(orElseOn("EEXIST", undefined)),
    file(() => chmod(path, 0o700)),
  )
