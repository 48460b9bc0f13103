/** Unpacks a tar that an agent may have made: nothing is written outside of one new folder or file, and no link is followed. */
import { Effect, Option, Stream } from "effect"
import { constants, createWriteStream } from "node:fs"
import { copyFile, lstat, mkdir, rm, stat, symlink } from "node:fs/promises"
import { dirname, join, relative, resolve } from "node:path"
import { pipeline } from "node:stream/promises"
import type { Extract } from "tar-stream"
import { extract as extractTar } from "tar-stream"
import { InvalidInput } from "../../domain/Errors.ts"
import { leavingTree, type TreeLink } from "./links.ts"

/** What was written, and what was left out and why. */
export interface Extracted {
  /** The new file or folder. */
  readonly path: string
  readonly files: number
  readonly skipped: ReadonlyArray<{ readonly name: string; readonly reason: string }>
}

type Entry = Extract extends AsyncIterable<infer Item> ? Item : never

interface Link extends TreeLink {
  readonly name: string
  readonly path: string
}

/**
 * Unpacks a tar of one file or folder. `destination` is its new path, or an existing folder in which it keeps its name; the resulting
 * path must not exist. Devices, pipes and links that lead outside are left out. On failure everything created is removed.
 */
export const extract = Effect.fn("extract")(function* <E, R>(
  tar: Stream.Stream<Uint8Array, E, R>,
  destination: string,
) {
  const inside = yield* isFolder(destination)
  const archive = extractTar()
  // Before the first byte is fed: an entry without a listener is lost.
  const entries = archive[Symbol.asyncIterator]()
  const root = { path: inside ? "" : resolve(destination), top: "", made: false }
  const folders = new Set<string>()
  const skipped: Array<Extracted["skipped"][number]> = []
  const links: Array<Link> = []
  const files = new Set<string>()

  const place = Effect.fnUntraced(function* (name: string) {
    const parts = partsOf(name)
    const [top] = parts ?? []
    if (parts === undefined || top === undefined || (root.made && top !== root.top))
      return Option.none<string>()
    if (!root.made) {
      if (root.path === "") root.path = join(resolve(destination), top)
      if (yield* exists(root.path)) return yield* refuse(`${root.path} exists: remove it, or name another`)
      root.top = top
      root.made = true
    }
    return Option.some(join(root.path, ...parts.slice(1)))
  })
  const folder = (path: string): Effect.Effect<void, InvalidInput> =>
    folders.has(path)
      ? Effect.void
      : Effect.gen(function* () {
          if (path !== root.path) yield* folder(dirname(path))
          yield* onDisk(path, () => mkdir(path))
          folders.add(path)
        })
  const parentOf = (path: string) => (path === root.path ? Effect.void : folder(dirname(path)))

  const write = Effect.fnUntraced(function* (entry: Entry) {
    const { type, linkname, mode = 0o644 } = entry.header
    const name = entry.header.name.replace(/^\.\//, "")
    const skip = (reason: string) => Effect.sync(() => void skipped.push({ name, reason }))
    const at = yield* place(name)
    if (Option.isNone(at)) return yield* skip("its path leads out of the copy")
    const path = at.value
    switch (type) {
      case "directory":
        return yield* folder(path)
      case "file":
      case "contiguous-file":
        yield* parentOf(path)
        yield* writeFile(entry, path, (mode & 0o100) === 0 ? 0o644 : 0o755)
        files.add(path)
        return
      case "symlink":
        return void links.push({
          name,
          path,
          parts: relative(root.path, path).split("/"),
          target: linkname ?? "",
        })
      case "link": {
        const parts = partsOf(linkname ?? "")
        const source = parts === undefined ? "" : join(root.path, ...parts.slice(1))
        if (!files.has(source)) return yield* skip("a hard link to what is not in the copy")
        yield* parentOf(path)
        yield* onDisk(path, () => copyFile(source, path, constants.COPYFILE_EXCL))
        files.add(path)
        return
      }
      default:
        return yield* skip(`a ${KINDS[type ?? ""] ?? "special file"} is not copied`)
    }
  })

  const makeLinks = Effect.suspend(() => {
    const leadsOut = leavingTree(links)
    return Effect.forEach(
      links,
      (link) => {
        const { name, path, target } = link
        if (path === root.path || leadsOut(link)) {
          const reason = `a link that leads out of the copy, to ${target}`
          return Effect.sync(() => void skipped.push({ name, reason }))
        }
        return Effect.zipRight(
          parentOf(path),
          onDisk(path, () => symlink(target, path)),
        )
      },
      { discard: true },
    )
  })

  const read = Stream.fromAsyncIterable({ [Symbol.asyncIterator]: () => entries }, () =>
    refusal("the copy was cut off"),
  ).pipe(
    Stream.runForEach((entry) =>
      Effect.ensuring(
        write(entry),
        Effect.sync(() => entry.resume()),
      ),
    ),
  )
  yield* Effect.all([feed(tar, archive), read], { concurrency: "unbounded", discard: true }).pipe(
    // Links come last: while files are written there is none to follow, and only all links together show where each leads.
    Effect.zipRight(makeLinks),
    Effect.onError(() =>
      Effect.promise(() => {
        archive.destroy()
        return root.made ? rm(root.path, { recursive: true, force: true }) : Promise.resolve()
      }),
    ),
  )
  if (!root.made) return yield* refuse("there was nothing to copy")
  return { path: root.path, files: files.size, skipped } satisfies Extracted
})

/** Fed with backpressure. */
const feed = <E, R>(tar: Stream.Stream<Uint8Array, E, R>, archive: Extract): Effect.Effect<void, E, R> =>
  tar.pipe(
    Stream.runForEach((bytes) =>
      Effect.async<void>((resume) => {
        if (archive.write(bytes)) resume(Effect.void)
        else archive.once("drain", () => resume(Effect.void))
      }),
    ),
    Effect.zipRight(Effect.sync(() => void archive.end(undefined))),
  )

/** A new file. Fails if a file or a link exists there. */
const writeFile = (entry: Entry, path: string, mode: number) =>
  onDisk(path, () => pipeline(entry, createWriteStream(path, { flags: "wx", mode })))

const KINDS: Readonly<Record<string, string>> = {
  "character-device": "device",
  "block-device": "device",
  fifo: "pipe",
}

/** The parts of a name in the tar; none for a name that leads outside. */
const partsOf = (name: string): ReadonlyArray<string> | undefined => {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".")
  return name.startsWith("/") || name.includes("\0") || parts.includes("..") ? undefined : parts
}

const refusal = (reason: string) => new InvalidInput({ field: "destination", reason })
const refuse = (reason: string) => Effect.fail(refusal(reason))

const onDisk = <A>(path: string, action: () => Promise<A>): Effect.Effect<A, InvalidInput> =>
  Effect.tryPromise({
    try: action,
    catch: (cause) => refusal(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`),
  })

const isFolder = (path: string) =>
  Effect.orElseSucceed(
    Effect.map(
      onDisk(path, () => stat(path)),
      (found) => found.isDirectory(),
    ),
    () => false,
  )

const exists = (path: string) => Effect.isSuccess(onDisk(path, () => lstat(path)))
