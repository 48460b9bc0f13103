/** The files that `--copy-cwd` copies from an untrusted git repository: tracked files, and untracked ones that are not ignored. */
import { Effect, Stream } from "effect"
import { lstat, readlink, realpath } from "node:fs/promises"
import type { Stats } from "node:fs"
import { dirname, isAbsolute, join, relative, resolve } from "node:path"
import type { WorkspaceListing } from "../../domain/Bottle.ts"
import { InvalidInput } from "../../domain/Errors.ts"
import type { ProcessRunner } from "../../services/ProcessRunner.ts"
import type { TarFileError, TarWriter } from "../tar/tar.ts"
import { tar } from "../tar/tar.ts"
import { invalid, listPaths } from "./listing.ts"

/** Lists the working tree that contains `cwd`, from `cwd` down. Not a git repository, or a link that leaves it: `InvalidInput`. */
export const listWorkspace: (cwd: string) => Effect.Effect<WorkspaceListing, InvalidInput, ProcessRunner> =
  Effect.fn("Backends.workspace")(function* (cwd) {
    const root = yield* Effect.tryPromise({
      try: () => realpath(cwd),
      catch: () => invalid(`${cwd} is not there`),
    })
    const { staged, others } = yield* listPaths(root)
    const tracked = yield* present(root, [...new Set(staged.flatMap(trackedPath))])
    const untracked = yield* present(root, others)
    return { root, tracked, untracked }
  })

/**
 * The workspace as a tar to unpack at `/`: `uid` and `gid` own `prefix` (such as `/workspace`) and everything below. Files are checked
 * again as they are read: a missing file is left out, and one that became something else is `InvalidInput`.
 */
export const workspaceTar = (
  listing: WorkspaceListing | undefined,
  owner: { readonly uid: number; readonly gid: number; readonly prefix: string },
): Stream.Stream<Uint8Array, InvalidInput> =>
  tar((writer) =>
    Effect.gen(function* () {
      const { uid, gid } = owner
      const prefix = owner.prefix.replace(/^\/+|\/+$/g, "")
      const folder = (path: string) => writer.add({ name: path, type: "directory", mode: 0o755, uid, gid })
      yield* folder(prefix)
      if (listing === undefined) return
      const made = new Set(["."])
      const folderOf = (path: string): Effect.Effect<void> =>
        Effect.suspend(() => {
          const above = dirname(path)
          if (made.has(above)) return Effect.void
          made.add(above)
          return Effect.zipRight(folderOf(above), folder(`${prefix}/${above}`))
        })
      const root = yield* Effect.tryPromise({
        try: () => realpath(listing.root),
        catch: () => invalid(`${listing.root} is not there any more`),
      })
      for (const path of [...listing.tracked, ...listing.untracked]) {
        yield* folderOf(path)
        yield* addPath(writer, root, path, { name: `${prefix}/${path}`, uid, gid })
      }
    }),
  )

const addPath = Effect.fnUntraced(function* (
  writer: TarWriter,
  root: string,
  path: string,
  header: { readonly name: string; readonly uid: number; readonly gid: number },
) {
  const stat = yield* look(root, path)
  if (stat === undefined) return
  if (stat.isSymbolicLink()) {
    const linkname = yield* linkInside(root, path)
    return yield* writer.add({ ...header, type: "symlink", linkname, mode: 0o777, mtime: stat.mtime })
  }
  yield* writer
    .file(join(root, path), (found) => ({
      ...header,
      mode: found.mode & 0o111 ? 0o755 : 0o644,
      mtime: found.mtime,
    }))
    .pipe(Effect.catchAll((error) => refuseFile(path, error)))
})

const refuseFile = (path: string, { reason }: TarFileError): Effect.Effect<void, InvalidInput> =>
  reason === "missing" ? Effect.void : Effect.fail(invalid(`"${path}" cannot be copied: it is ${reason}`))

/** `<mode> <hash> <stage>\t<path>`: 160000 is a submodule, which is another repository. */
const trackedPath = (line: string): ReadonlyArray<string> => {
  const tab = line.indexOf("\t")
  return line.startsWith("160000 ") ? [] : [line.slice(tab + 1)]
}

/** The entries of a list that exist now. Deleted files and nested repositories (`name/`) are left out. No link may leave the tree. */
const present = (
  root: string,
  paths: ReadonlyArray<string>,
): Effect.Effect<ReadonlyArray<string>, InvalidInput> =>
  Effect.filter(
    paths,
    (path) =>
      Effect.gen(function* () {
        if (path.endsWith("/")) return false
        const stat = yield* look(root, path)
        if (stat === undefined || stat.isDirectory()) return false
        if (stat.isSymbolicLink()) yield* linkInside(root, path)
        else if (!stat.isFile()) return yield* invalid(`"${path}" is neither a file nor a link`)
        return true
      }),
    { concurrency: 32 },
  )

/** The file at a path that passes through no link; undefined when there is none. */
const look = Effect.fnUntraced(function* (root: string, path: string) {
  const full = join(root, path)
  if (!isWithin(root, full)) return yield* invalid(`"${path}" is outside the working directory`)
  // git adds no such path. A hand-made index may name the repository's own files, which contain credentials.
  if (/(?:^|\/)\.git(?:\/|$)/i.test(path)) return yield* invalid(`"${path}" is a file of git itself`)
  const stat = yield* quietly<Stats>(() => lstat(full))
  if (stat === undefined) return undefined
  const folder = yield* quietly(() => realpath(dirname(full)))
  if (folder === undefined) return undefined
  // If a folder was replaced by a link, this would copy files from elsewhere.
  return folder === dirname(full) ? stat : yield* invalid(`"${path}" lies behind a link`)
})

const quietly = <A>(read: () => Promise<A>): Effect.Effect<A | undefined> =>
  Effect.orElseSucceed(Effect.tryPromise(read), () => undefined)

/**
 * The target of a link, if it is inside the tree. A dangling link inside the tree is allowed; for one that passes another link, that
 * link is checked too.
 */
const linkInside = Effect.fnUntraced(function* (root: string, path: string) {
  const full = join(root, path)
  const target = yield* Effect.tryPromise({
    try: () => readlink(full),
    catch: () => invalid(`"${path}" cannot be read`),
  })
  const meant = resolve(dirname(full), target)
  const real = yield* quietly(() => realpath(full))
  const leaves = isAbsolute(target) || !isWithin(root, meant) || (real !== undefined && !isWithin(root, real))
  return leaves ? yield* invalid(`the link "${path}" leaves the working directory (${target})`) : target
})

const isWithin = (root: string, path: string): boolean => {
  const way = relative(root, path)
  return way !== ".." && !way.startsWith("../") && !isAbsolute(way)
}
