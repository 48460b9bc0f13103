/** Creates a tar as a stream: entries are added one after the other while it is read, and no file is followed through a link. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Deferred, Effect, Stream } from "effect"
import type { Scope } from "effect"
import type { Stats } from "node:fs"
import { constants } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import { open } from "node:fs/promises"
import { PassThrough } from "node:stream"
import type { Header, Pack } from "tar-stream"
import { pack } from "tar-stream"

/** Name, mode and owner of an entry. The size follows from its content. */
export type TarHeader = Partial<Omit<Header, "size" | "name">> & Pick<Header, "name">

/** Where entries are added. */
export interface TarWriter {
  /** A folder, a link, or a file with this content. */
  readonly add: (header: TarHeader, content?: string) => Effect.Effect<void>
  /** A regular file of this machine; `header` gets its status. Fails when it is not a regular file, or changes while it is read. */
  readonly file: (path: string, header: (stat: Stats) => TarHeader) => Effect.Effect<void, TarFileError>
}

/** Why a file could not be added. */
export interface TarFileError {
  readonly path: string
  readonly reason: "missing" | "not a file" | "changed while it was read" | "unreadable"
}

const PIECE = 1024 * 1024

/** The tar that `write` makes. Fails when `write` fails. */
export const tar = <E>(write: (writer: TarWriter) => Effect.Effect<void, E>): Stream.Stream<Uint8Array, E> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const archive = pack()
      archive.on("error", () => undefined)
      // tar-stream's streams are not node's own; a pipe converts them.
      const readable = archive.pipe(new PassThrough())
      const failed = yield* Deferred.make<never, E>()
      yield* write(writerOf(archive)).pipe(
        Effect.zipRight(Effect.sync(() => archive.finalize())),
        Effect.catchAllCause((cause) => Deferred.failCause(failed, cause)),
        Effect.forkScoped,
      )
      yield* Effect.addFinalizer(() => Effect.sync(() => archive.destroy()))
      return NodeStream.fromReadable<unknown, Uint8Array>(
        () => readable,
        (cause) => cause,
      ).pipe(
        Stream.catchAll(() => Stream.empty),
        Stream.interruptWhenDeferred(failed),
      )
    }),
  )

const writerOf = (archive: Pack): TarWriter => ({
  add: (header, content = "") =>
    Effect.async((resume) => {
      archive.entry(header, content, () => resume(Effect.void))
    }),
  file: (path, header) => Effect.scoped(addFile(archive, path, header)),
})

const addFile = Effect.fnUntraced(function* (
  archive: Pack,
  path: string,
  header: (stat: Stats) => TarHeader,
) {
  const handle = yield* openFile(path)
  const stat = yield* reading(path, () => handle.stat())
  if (!stat.isFile()) return yield* Effect.fail<TarFileError>({ path, reason: "not a file" })
  const { size } = stat
  const entry = archive.entry({ ...header(stat), size })
  // A reader that closes early destroys the archive and its entry.
  entry.on("error", () => undefined)
  for (let at = 0; at < size;) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE, size - at))
    const { bytesRead } = yield* reading(path, () => handle.read(piece, 0, piece.length, at))
    if (bytesRead === 0)
      return yield* Effect.fail<TarFileError>({ path, reason: "changed while it was read" })
    at += bytesRead
    yield* Effect.async<void>((resume) => {
      if (entry.write(piece.subarray(0, bytesRead))) resume(Effect.void)
      else entry.once("drain", () => resume(Effect.void))
    })
  }
  yield* Effect.async<void>((resume) => {
    entry.once("finish", () => resume(Effect.void))
    entry.end(undefined)
  })
})

/** A file that became a link or a pipe since it was listed must not lead elsewhere or block. */
const openFile = (path: string): Effect.Effect<FileHandle, TarFileError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK),
      catch: (cause): TarFileError => ({ path, reason: openReason(cause) }),
    }),
    (handle) => Effect.promise(() => handle.close()),
  )

const openReason = (cause: unknown): TarFileError["reason"] => {
  const { code } = Object.assign({ code: "" }, cause)
  if (code === "ELOOP") return "not a file"
  return code === "ENOENT" || code === "ENOTDIR" ? "missing" : "unreadable"
}

const reading = <A>(path: string, read: () => Promise<A>): Effect.Effect<A, TarFileError> =>
  Effect.tryPromise({ try: read, catch: (): TarFileError => ({ path, reason: "unreadable" }) })
