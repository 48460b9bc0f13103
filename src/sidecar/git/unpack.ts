/** Unpacks a push in isolation and checks that it is complete: everything reachable came with it, or is shown by the upstream. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Stream } from "effect"
import { createReadStream } from "node:fs"
import { open, readFile } from "node:fs/promises"
import { join } from "node:path"
import { file, ensureDirectory } from "../../files/files.ts"
import { type Quarantine, type Unpacked, newObjects } from "./inspect.ts"
import { tooMuch } from "./look.ts"
import { requireFewPaths } from "./paths.ts"
import type { PushRequest } from "./pktLine.ts"
import { GitFailure } from "./GitFailure.ts"
import type { GitContext, Repository } from "./Repository.ts"
import { bodyFile } from "./spool.ts"
import { visible } from "./visible.ts"

const failure = (reason: string) => new GitFailure({ reason, remote: [] })

/** The sidecar has little memory, and keeps a list of them. */
const OBJECTS_MAX = 50_000
const OBJECTS_BYTES_MAX = 1024 ** 3

/** What a push brought, not yet compared with what the upstream has. */
export interface Incoming extends Unpacked {
  /** IDs of the objects that were sent. */
  readonly sent: ReadonlyArray<string>
  /** IDs of those that complete a thin pack. The agent did not send them. */
  readonly added: ReadonlyArray<string>
}

/** Unpacks a push in its folder. Fails when it is broken or too large. */
export const unpack = Effect.fnUntraced(function* (
  context: GitContext,
  repository: Repository,
  folder: string,
  { updates, packAt }: PushRequest,
): Effect.fn.Return<Incoming, GitFailure> {
  const directory = join(folder, "objects")
  const pack = join(directory, "pack")
  yield* ensureDirectory(pack).pipe(Effect.mapError(() => failure("the push could not be kept")))
  const objects = { directory, alternates: [repository.store] }
  const tips = updates.map((update) => update.new)
  const { runner } = context
  const made = { runner, repository, objects, tips, refs: updates.map(({ ref }) => ref) }
  const body = bodyFile(folder)
  const count = yield* objectsIn(body, packAt)
  if (count === 0) return { ...made, sent: [], added: [] }
  if (count > OBJECTS_MAX) return yield* failure(`the push has more than ${OBJECTS_MAX} objects`)
  yield* repository
    .git({
      args: ["index-pack", "--stdin", "--fix-thin", "--strict", join(pack, "pack-incoming.pack")],
      objects,
      memoryKib: UNPACK_MEMORY_KIB,
      cpuS: UNPACK_CPU_S,
      stdin: NodeStream.fromReadable<unknown, Uint8Array>(
        () => createReadStream(body, { start: packAt }),
        (cause) => cause,
      ),
      timeoutMs: context.progressMs * 8,
    })
    .pipe(Effect.mapError(() => failure("its pack is broken, incomplete, or too much")))
  const packed = yield* idsByOffset(repository, join(pack, "pack-incoming.idx"))
  if (packed.length < count) return yield* failure("its pack has an object twice, or could not be listed")
  // Objects that complete a thin pack come after the sent ones.
  return { ...made, sent: packed.slice(0, count), added: packed.slice(count) }
})

/**
 * Compares a push with what the upstream has now. Fails when it is too large or incomplete: everything reachable must have come with it,
 * or be shown by the upstream. Objects of other bottles do not count, nor former objects of the upstream that are still in the store.
 */
export const compare = Effect.fnUntraced(function* (
  context: GitContext,
  { sent, added, ...made }: Incoming,
): Effect.fn.Return<Quarantine, GitFailure> {
  const { runner, repository, objects } = made
  const there = yield* visible(context, repository, [...sent, ...added])
  if (!added.every((id) => there.has(id))) return yield* leavesOut
  // An agent may send objects that already exist.
  const fresh = yield* freshOf(
    made,
    sent.filter((id) => !there.has(id)),
  )
  const total = [...fresh.values()].reduce((sum, { size }) => sum + size, 0)
  if (!(total <= OBJECTS_BYTES_MAX)) return yield* failure("the push is more than 1 GiB unpacked")
  yield* requireFewPaths(
    runner,
    repository,
    objects,
    [...fresh].flatMap(([id, { type, size }]) => (type === "tree" ? [{ id, size }] : [])),
  )
  const reached = yield* newObjects(made).pipe(
    Effect.mapError((error) => (error === tooMuch ? error : leavesOut)),
  )
  const others = reached.flatMap(({ id }) => (fresh.has(id) ? [] : [id]))
  const shown = yield* visible(context, repository, others)
  if (!others.every((id) => shown.has(id))) return yield* leavesOut
  return { ...made, fresh, reached }
})

const leavesOut = failure("the push leaves out objects that it needs")

const freshOf = Effect.fnUntraced(function* (
  { repository, objects }: Unpacked,
  ids: ReadonlyArray<string>,
): Effect.fn.Return<Quarantine["fresh"], GitFailure> {
  if (ids.length === 0) return new Map()
  const { stdout } = yield* repository.git({
    args: ["cat-file", "--batch-check=%(objecttype) %(objectsize)"],
    objects,
    stdin: ids.map((id) => `${id}\n`).join(""),
    maxOutputBytes: LIST_BYTES_MAX,
  })
  const lines = stdout.split("\n")
  return new Map(
    ids.map((id, at) => {
      const [type = "", size] = (lines[at] ?? "").split(" ")
      return [id, { type, size: Number(size) }]
    }),
  )
})

/** A hostile pack uses as much as it gets. */
const UNPACK_MEMORY_KIB = 2 * 1024 * 1024
/** CPU time in seconds. Chains of deltas cause work without making the pack larger. */
const UNPACK_CPU_S = 90
const LIST_BYTES_MAX = 8 * 1024 * 1024

/** IDs of a pack's objects, in pack order. */
const idsByOffset = (repository: Repository, path: string) =>
  file(() => readFile(path)).pipe(
    Effect.mapError(() => failure("the push could not be kept")),
    Effect.flatMap((index) =>
      repository.git({
        args: ["show-index"],
        stdin: Stream.make(index),
        maxOutputBytes: LIST_BYTES_MAX,
      }),
    ),
    Effect.map(({ stdout }) =>
      stdout
        .split("\n")
        .flatMap((line) => {
          const [offset, id] = line.split(" ")
          return id === undefined ? [] : [{ id, offset: Number(offset) }]
        })
        .sort((one, other) => one.offset - other.offset)
        .map(({ id }) => id),
    ),
  )

/** From the pack header, as git reads it. A ref to existing objects comes with an empty pack, or without one. */
const objectsIn = (body: string, packAt: number) =>
  Effect.acquireUseRelease(
    file(() => open(body)),
    (handle) => file(() => handle.read(Buffer.alloc(12), 0, 12, packAt)),
    (handle) => Effect.promise(() => handle.close()),
  ).pipe(
    Effect.map(({ buffer, bytesRead }) => (bytesRead === 0 ? 0 : buffer.readUInt32BE(8))),
    Effect.mapError(() => failure("the push could not be kept")),
  )
