/** File operations of node as effects, whose failures carry the code of errno. */
import { Effect, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { constants } from "node:fs"
import { open, rename, unlink } from "node:fs/promises"
import { dirname, join } from "node:path"

/** A file operation failed; `code` such as `ENOENT`, `""` when there is none. */
export class FileFailure extends Schema.TaggedError<FileFailure>()("FileFailure", {
  code: Schema.String,
  cause: Schema.Defect,
}) {}

/** Runs one operation of node:fs/promises. */
export const file = <A>(operation: () => Promise<A>): Effect.Effect<A, FileFailure> =>
  Effect.tryPromise({ try: operation, catch: (cause) => new FileFailure({ code: codeOf(cause), cause }) })

/** Answers `value` when the operation failed with that code. */
export const orElseOn =
  <B>(code: string, value: B) =>
  <A>(effect: Effect.Effect<A, FileFailure>): Effect.Effect<A | B, FileFailure> =>
    Effect.catchIf(
      effect,
      (failure) => failure.code === code,
      () => Effect.succeed(value),
    )

/** Removes a file; ok when there is none. */
export const unlinkIfThere = (path: string): Effect.Effect<void, FileFailure> =>
  file(() => unlink(path)).pipe(orElseOn("ENOENT", undefined))

/** Writes a new hidden file into a directory, safe on disk, and answers its path. */
export const writeTemporary = Effect.fnUntraced(function* (directory: string, text: string) {
  const path = join(directory, `.${randomUUID()}.tmp`)
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  yield* Effect.acquireUseRelease(
    file(() => open(path, flags, 0o600)),
    (handle) => file(() => handle.writeFile(text).then(() => handle.sync())),
    (handle) => Effect.promise(() => handle.close()),
  )
  return path
})

/** Replaces a file as a whole (mode 0600): a reader sees the old or the new. `workDirectory` is on the same file system. */
export const replaceFile = Effect.fnUntraced(function* (
  path: string,
  text: string,
  workDirectory: string = dirname(path),
) {
  const temporary = yield* writeTemporary(workDirectory, text)
  yield* file(() => rename(temporary, path))
  yield* syncDirectory(dirname(path))
})

/** Makes the names in a directory survive a power cut. */
export const syncDirectory = (directory: string): Effect.Effect<void, FileFailure> =>
  Effect.acquireUseRelease(
    file(() => open(directory, constants.O_RDONLY)),
    (handle) => file(() => handle.sync()),
    (handle) => Effect.promise(() => handle.close()),
  )

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
