/** Unpacks a push in isolation and checks that it is complete: everything reachable came with it, or is shown by the upstream. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Stream } from "effect"
import { createReadStream } from "node:fs"
import { open, readFile } from "node:fs/promises"
import { join } from "node:path"
import { file, ensureDirectory } from "../../files/files.ts"
import { type Quarantine, newObjects } from "./inspect.ts"
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

/** Unpacks a push in its folder. Fails when it is broken, too large, or incomplete. */
export const unpack = Effect.fnUntraced(function* (
  context: GitContext,
  repository: Repository,
  folder: string,
  { updates, packAt }: PushRequest,
) {
  const directory = join(folder, "objects")
  const pack = join(directory, "pack")
  yield* ensureDirectory(pack).pipe(Effect.mapError(() => failure("the push could not be kept")))
  const objects = { directory, alternates: [repository.store] }
  const tips = updates.map((update) => update.new)
  const { runner } = context
  const made = { runner, repository, objects, tips, refs: updates.map(({ ref }) => ref) }
  const body = bodyFile(folder)
  const count = yield* objectsIn(body, packAt)
  if (count === 0) return yield* requireWhole(context, made, [], [])
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
  const sent = packed.slice(0, count)
  yield* requireVisible(context, repository, packed.slice(count))
  // An agent may send objects that already exist.
  const there = yield* visible(context, repository, sent)
  const fresh = sent.filter((id) => !there.has(id))
  const { stdout } = yield* repository.git({
    args: ["cat-file", "--batch-check=%(objecttype) %(objectsize)"],
    objects,
    stdin: lines(fresh),
    maxOutputBytes: LIST_BYTES_MAX,
  })
  const sizes = stdout
    .trim()
    .split("\n")
    .map((line, at) => ({ id: fresh[at] ?? "", type: line.split(" ")[0], size: Number(line.split(" ")[1]) }))
  if (fresh.length === 0) return yield* requireWhole(context, made, [], [])
  const total = sizes.reduce((sum, { size }) => sum + size, 0)
  if (!(total <= OBJECTS_BYTES_MAX)) return yield* failure("the push is more than 1 GiB unpacked")
  yield* requireFewPaths(
    runner,
    repository,
    objects,
    sizes.filter(({ type }) => type === "tree"),
  )
  const messages = sizes.filter(({ type }) => type === "commit" || type === "tag")
  return yield* requireWhole(context, made, fresh, messages)
})

/** A hostile pack uses as much as it gets. */
const UNPACK_MEMORY_KIB = 2 * 1024 * 1024
/** CPU time in seconds. Chains of deltas cause work without making the pack larger. */
const UNPACK_CPU_S = 90
const LIST_BYTES_MAX = 8 * 1024 * 1024

const lines = (ids: ReadonlyArray<string>): string => ids.map((id) => `${id}\n`).join("")

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

/**
 * Checks that everything reachable from its branches is in the push, or is shown by the upstream. Objects of other bottles do not
 * count, nor former objects of the upstream that are still in the store.
 */
const requireWhole = Effect.fnUntraced(function* (
  context: GitContext,
  made: Omit<Quarantine, "fresh" | "reached" | "messages">,
  fresh: ReadonlyArray<string>,
  messages: Quarantine["messages"],
) {
  const reached = yield* newObjects(made).pipe(
    Effect.mapError((error) => (error === tooMuch ? error : leavesOut())),
  )
  const sent = new Set(fresh)
  yield* requireVisible(
    context,
    made.repository,
    reached.flatMap(({ id }) => (sent.has(id) ? [] : [id])),
  )
  const quarantine: Quarantine = { ...made, fresh, reached, messages }
  return quarantine
})

const leavesOut = () => failure("the push leaves out objects that it needs")

const requireVisible = (context: GitContext, repository: Repository, ids: ReadonlyArray<string>) =>
  visible(context, repository, ids).pipe(
    Effect.filterOrFail((shown) => ids.every((id) => shown.has(id)), leavesOut),
  )
