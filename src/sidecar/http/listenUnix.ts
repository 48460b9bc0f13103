/** Listens on a Unix socket exclusively: a stale socket file is replaced, a live one is refused. */
import { Effect, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { chmod, link, lstat, rename } from "node:fs/promises"
import { type Server, createConnection } from "node:net"
import { join } from "node:path"
import { type FileFailure, file, orElseOn, unlinkIfThere } from "../../files/files.ts"

/** The socket could not be opened. */
export class ListenFailure extends Schema.TaggedError<ListenFailure>()("ListenFailure", {
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect),
}) {}

/**
 * Listens at `path` with exactly `mode`, whatever the umask. When the scope closes the name is removed, if it is still ours. The server
 * first binds to its own name in `workDirectory` (on the same file system), which is linked to `path` only when it is ready: `link`
 * never replaces another file.
 */
export const listenUnix = (server: Server, path: string, mode: number, workDirectory: string) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const own = join(workDirectory, `s.${process.pid.toString(36)}.${randomBytes(2).toString("hex")}`)
      yield* unlinkIfThere(own)
      yield* listen(server, own)
      yield* file(() => chmod(own, mode))
      const { ino } = yield* file(() => lstat(own))
      yield* takeName(own, path).pipe(Effect.ensuring(Effect.ignore(unlinkIfThere(own))))
      return { ino }
    }).pipe(Effect.catchTag("FileFailure", (failure) => unusable(path, failure))),
    ({ ino }) => Effect.ignore(removeIfOurs(path, ino)),
  )

/** Whether `path` is still the socket with that inode. */
export const isOurs = (path: string, ino: number): Effect.Effect<boolean> =>
  Effect.orElseSucceed(
    Effect.map(
      file(() => lstat(path)),
      (status) => status.ino === ino,
    ),
    () => false,
  )

const removeIfOurs = (path: string, ino: number) =>
  Effect.flatMap(isOurs(path, ino), (ours) => (ours ? unlinkIfThere(path) : Effect.void))

const unusable = (path: string, { code, cause }: FileFailure) =>
  new ListenFailure({ reason: `cannot listen at ${path}${code === "" ? "" : ` (${code})`}`, cause })

const listen = (server: Server, path: string): Effect.Effect<void, ListenFailure> =>
  Effect.async((resume) => {
    const failed = (cause: Error) =>
      resume(Effect.fail(new ListenFailure({ reason: `cannot listen at ${path}: ${cause.message}`, cause })))
    server.once("error", failed)
    server.listen(path, () => {
      server.off("error", failed)
      resume(Effect.void)
    })
  })

const takeName = Effect.fnUntraced(function* (own: string, path: string) {
  while (!(yield* file(() => link(own, path)).pipe(Effect.as(true), orElseOn("EEXIST", false)))) {
    if (yield* answers(path)) return yield* inUse(path)
    yield* removeStale(path, `${own}.old`)
  }
})

const inUse = (path: string) => new ListenFailure({ reason: `another process serves ${path}` })

/**
 * Another process may have taken the name between the check and the removal: the file that was moved aside is checked again, and moved
 * back if it is live.
 */
const removeStale = Effect.fnUntraced(function* (path: string, aside: string) {
  const moved = yield* file(() => rename(path, aside)).pipe(Effect.as(true), orElseOn("ENOENT", false))
  if (!moved) return
  const live = yield* answers(aside)
  if (live) yield* file(() => link(aside, path)).pipe(orElseOn("EEXIST", undefined))
  yield* unlinkIfThere(aside)
  if (live) return yield* inUse(path)
})

/** Whether a process listens there. A file that is not a socket counts as no. */
const answers = (path: string): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const socket = createConnection(path)
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.once("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code === "EAGAIN")))
  })
