/** Reads a whole manifest file at once, up to the largest size of a manifest. */
import { Effect, Option } from "effect"
import { realpath } from "node:fs/promises"
import { sep } from "node:path"
import { ManifestInvalid } from "../../domain/Errors.ts"
import * as Files from "../../files/files.ts"
import { type FileFailure, file, orElseOn } from "../../files/files.ts"

/** Largest size of a manifest file in bytes. */
export const MANIFEST_MAX_BYTES = 1024 * 1024

/** An error about the file as a whole. */
export const fileInvalid = (file: string, expected: string): ManifestInvalid =>
  new ManifestInvalid({ file, key: "", expected })

/** A failed file operation as a {@link ManifestInvalid}. */
export const ioFailed =
  (file: string, what: string) =>
  ({ code }: FileFailure): ManifestInvalid =>
    fileInvalid(file, `${what} (${code === "" ? "unknown error" : code})`)

/** Returns `None` when there is no such file. Any other failure is a {@link ManifestInvalid}. */
export const orAbsent =
  (path: string, what: string) =>
  <A>(call: () => Promise<A>): Effect.Effect<Option.Option<A>, ManifestInvalid> =>
    file(call).pipe(
      Effect.asSome,
      orElseOn("ENOENT", Option.none()),
      orElseOn("ENOTDIR", Option.none()),
      Effect.mapError(ioFailed(path, what)),
    )

/** The bytes of a file; `None` when there is none. `within`: the real path that a symbolic link may not leave. */
export const readBounded = Effect.fn("FileManifests.read")(function* (path: string, within?: string) {
  const real = yield* orAbsent(path, "expected a readable file")(() => realpath(path))
  if (Option.isNone(real)) return Option.none<Buffer>()
  if (within !== undefined && !real.value.startsWith(within + sep))
    return yield* fileInvalid(path, "is a link that leaves the project: expected a file inside it")
  // The real path contains no link.
  const read = yield* Effect.mapError(
    Files.readBounded(real.value, MANIFEST_MAX_BYTES),
    ioFailed(path, "expected a readable file"),
  )
  switch (read.kind) {
    case "NotAFile":
      return yield* fileInvalid(path, "expected a file, not a directory or a device")
    case "TooLarge":
      return yield* fileInvalid(path, `expected at most 1 MiB, it has ${read.size} bytes`)
    case "Bytes":
      return Option.some(read.bytes)
  }
})
