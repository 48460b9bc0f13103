/** File operations as effects: atomic, durable writes; bounded reads; a missing file as a value. Failures carry the errno code. */
import { Effect, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { constants } from "node:fs"
import { link, mkdir, open, readFile, readdir, rename, unlink } from "node:fs/promises"
import { dirname, join } from "node:path"

/** A file operation failed. `code` is the errno code, such as `ENOENT`; `""` when there is none. */
export class FileFailure extends Schema.TaggedError<FileFailure>()("FileFailure", {
  code: Schema.String,
  cause: Schema.Defect,
}) {}

/** Runs one operation of node:fs/promises. */
export const file = <A>(operation: () => Promise<A>): Effect.Effect<A, FileFailure> =>
  Effect.tryPromise({ try: operation, catch: (cause) => new FileFailure({ code: codeOf(cause), cause }) })

/** Returns `value` when the operation failed with that code. */
export const orElseOn =
  <B>(code: string, value: B) =>
  <A>(effect: Effect.Effect<A, FileFailure>): Effect.Effect<A | B, FileFailure> =>
    Effect.catchIf(
      effect,
      (failure) => failure.code === code,
      () => Effect.succeed(value),
    )

/** Removes a file. Succeeds when there is none. */
export const unlinkIfThere = (path: string): Effect.Effect<void, FileFailure> =>
  file(() => unlink(path)).pipe(orElseOn("ENOENT", undefined))

/** Names in a directory; empty when there is no such directory. */
export const namesIn = (directory: string): Effect.Effect<ReadonlyArray<string>, FileFailure> =>
  file(() => readdir(directory)).pipe(orElseOn("ENOENT", []))

/** The text of a file that bot-bottle wrote; `""` when there is none. */
export const textOf = (path: string): Effect.Effect<string, FileFailure> =>
  file(() => readFile(path, "utf8")).pipe(orElseOn("ENOENT", ""))

/** What a bounded read found. */
export type BoundedRead =
  | { readonly kind: "Bytes"; readonly bytes: Buffer }
  | { readonly kind: "NotAFile" }
  | { readonly kind: "TooLarge"; readonly size: number }

/** Reads a file that somebody else may have placed: only a regular file, never through a link, and at most `max` bytes. */
export const readBounded = (path: string, max: number): Effect.Effect<BoundedRead, FileFailure> =>
  Effect.acquireUseRelease(
    // Without O_NONBLOCK, opening a pipe would block.
    file(() => open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)),
    (handle) =>
      Effect.gen(function* () {
        const status = yield* file(() => handle.stat())
        if (!status.isFile()) return { kind: "NotAFile" } as const
        if (status.size > max) return { kind: "TooLarge", size: status.size } as const
        const buffer = Buffer.alloc(status.size)
        const { bytesRead } = yield* file(() => handle.read(buffer, 0, status.size, 0))
        return { kind: "Bytes", bytes: buffer.subarray(0, bytesRead) } as const
      }),
    (handle) => Effect.ignore(file(() => handle.close())),
  )

/** Creates a directory with mode 0700, and its parents. */
export const ensureDirectory = (path: string): Effect.Effect<void, FileFailure> =>
  Effect.asVoid(file(() => mkdir(path, { recursive: true, mode: 0o700 })))

/** Writes a new hidden file into a directory, flushes it to disk, and returns its path. */
export const writeTemporary = Effect.fnUntraced(function* (directory: string, text: string) {
  const path = join(directory, `.${randomUUID()}.tmp`)
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  yield* Effect.acquireUseRelease(
    file(() => open(path, flags, 0o600)),
    (handle) => file(() => handle.writeFile(text).then(() => handle.sync())),
    (handle) => Effect.promise(() => handle.close()),
  ).pipe(Effect.tapError(() => Effect.ignore(unlinkIfThere(path))))
  return path
})

/** Appends to a file (mode 0600), which it creates if needed, and flushes it to disk. A short text is appended in one piece. */
export const appendToFile = Effect.fnUntraced(function* (path: string, text: string) {
  yield* Effect.acquireUseRelease(
    file(() => open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600)),
    (handle) => file(() => handle.writeFile(text).then(() => handle.sync())),
    (handle) => Effect.promise(() => handle.close()),
  )
  yield* syncDirectory(dirname(path))
})

/**
 * Creates a file (mode 0600) unless it exists; a reader sees all of it or nothing. Returns whether this call created it: `false` when
 * another process was first, whose file is left as it is.
 */
export const createFile = Effect.fnUntraced(function* (path: string, text: string) {
  const isOurs = yield* Effect.acquireUseRelease(
    writeTemporary(dirname(path), text),
    // `link` never overwrites.
    (temporary) => file(() => link(temporary, path)).pipe(Effect.as(true), orElseOn("EEXIST", false)),
    (temporary) => Effect.ignore(unlinkIfThere(temporary)),
  )
  yield* syncDirectory(dirname(path))
  return isOurs
})

/** Replaces a whole file (mode 0600): a reader sees the old content or the new. `workDirectory` must be on the same file system. */
export const replaceFile = Effect.fnUntraced(function* (
  path: string,
  text: string,
  workDirectory: string = dirname(path),
) {
  const temporary = yield* writeTemporary(workDirectory, text)
  yield* file(() => rename(temporary, path)).pipe(
    Effect.tapError(() => Effect.ignore(unlinkIfThere(temporary))),
  )
  yield* syncDirectory(dirname(path))
})

/** Flushes a directory, so that the names in it survive a power cut. */
export const syncDirectory = (directory: string): Effect.Effect<void, FileFailure> =>
  Effect.acquireUseRelease(
    file(() => open(directory, constants.O_RDONLY)),
    (handle) => file(() => handle.sync()),
    (handle) => Effect.promise(() => handle.close()),
  )

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
