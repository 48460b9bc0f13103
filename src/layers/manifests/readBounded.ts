/** Reads a manifest file once, as a whole, and never more than a manifest can be. */
import { Effect, Option } from "effect"
import { constants } from "node:fs"
import { open, realpath } from "node:fs/promises"
import { sep } from "node:path"
import { ManifestInvalid } from "../../domain/Errors.ts"

/** The most bytes of a manifest file. */
export const MANIFEST_MAX_BYTES = 1024 * 1024

/** A failure that concerns the file as a whole. */
export const fileInvalid = (file: string, expected: string): ManifestInvalid =>
  new ManifestInvalid({ file, key: "", expected })

/** What a failed call to the file system says, as a {@link ManifestInvalid}. */
export const ioFailed = (file: string, what: string) => (error: unknown) =>
  fileInvalid(file, `${what} (${codeOf(error)})`)

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "unknown error"

const isAbsent = (error: unknown): boolean => ["ENOENT", "ENOTDIR"].includes(codeOf(error))

/** Answers `None` when there is no such file, fails with a {@link ManifestInvalid} for every other trouble. */
export const orAbsent =
  (file: string, what: string) =>
  <A>(call: () => Promise<A>): Effect.Effect<Option.Option<A>, ManifestInvalid> =>
    Effect.tryPromise(call).pipe(
      Effect.asSome,
      Effect.catchAll(({ error }) =>
        isAbsent(error) ? Effect.succeedNone : Effect.fail(ioFailed(file, what)(error)),
      ),
    )

/** The bytes of a file, `None` when there is none. `within`: the real path that a symbolic link may not leave. */
export const readBounded = Effect.fn("FileManifests.read")(function* (file: string, within?: string) {
  const real = yield* orAbsent(file, "expected a readable file")(() => realpath(file))
  if (Option.isNone(real)) return Option.none<Buffer>()
  if (within !== undefined && !real.value.startsWith(within + sep))
    return yield* fileInvalid(file, "is a link that leaves the project: expected a file inside it")
  const bytes = yield* Effect.scoped(
    Effect.gen(function* () {
      const handle = yield* Effect.acquireRelease(
        Effect.tryPromise({
          // A pipe would be waited for without O_NONBLOCK; the real path has no link left to follow.
          try: () => open(real.value, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW),
          catch: ioFailed(file, "expected a readable file"),
        }),
        (handle) => Effect.ignore(Effect.tryPromise(() => handle.close())),
      )
      const stat = yield* Effect.tryPromise({
        try: () => handle.stat(),
        catch: ioFailed(file, "expected a readable file"),
      })
      if (!stat.isFile()) return yield* fileInvalid(file, "expected a file, not a directory or a device")
      if (stat.size > MANIFEST_MAX_BYTES)
        return yield* fileInvalid(file, `expected at most 1 MiB, it has ${stat.size} bytes`)
      const buffer = Buffer.alloc(stat.size)
      const read = yield* Effect.tryPromise({
        try: () => handle.read(buffer, 0, stat.size, 0),
        catch: ioFailed(file, "expected a readable file"),
      })
      return buffer.subarray(0, read.bytesRead)
    }),
  )
  return Option.some(bytes)
})
