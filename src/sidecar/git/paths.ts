/** Counts the paths in the trees of a push: nested trees that share one subtree name millions of paths in a kilobyte. */
import { Effect, Stream } from "effect"
import type { ProcessRunner } from "../../services/ProcessRunner.ts"
import { type GitRun, gitSpec } from "../../domain/HardenedGit.ts"
import { LOOK_LIMITS, tooMuch } from "./look.ts"
import { GitFailure } from "./GitFailure.ts"
import type { Repository } from "./Repository.ts"

/** Limits: paths below one tree, and entries of all trees that refer to another tree of the push. */
const PATHS_MAX = 1_000_000
/** Bytes of trees in memory at once. */
const BATCH_BYTES = 16 * 1024 * 1024

/** An object and its bytes. */
interface Sized {
  readonly id: string
  readonly size: number
}

/** A tree: its number of entries, and those that refer to trees. */
interface Tree {
  readonly entries: number
  readonly below: ReadonlyArray<string>
}

/** Fails with {@link tooMuch} when one of the trees names too many paths. A tree that the upstream has counts as one. */
export const requireFewPaths = Effect.fnUntraced(function* (
  runner: typeof ProcessRunner.Service,
  { directory }: Repository,
  objects: GitRun["objects"],
  sized: ReadonlyArray<Sized>,
): Effect.fn.Return<void, GitFailure> {
  const ids = new Set(sized.map(({ id }) => id))
  const trees = new Map<string, Tree>()
  let links = 0
  for (const batch of batchesOf(sized)) {
    const bytes = yield* read(runner, directory, objects, batch)
    for (const [id, tree] of treesIn(bytes, ids)) {
      links += tree.below.length
      if (links > PATHS_MAX) return yield* tooMuch
      trees.set(id, tree)
    }
  }
  if (trees.size < ids.size) return yield* unreadable
  if (hasTooMany(trees)) return yield* tooMuch
})

const unreadable = new GitFailure({ reason: "the trees of the push could not be read", remote: [] })

const batchesOf = (sized: ReadonlyArray<Sized>): ReadonlyArray<ReadonlyArray<Sized>> => {
  const batches: Array<Array<Sized>> = []
  let room = 0
  for (const one of sized) {
    if (batches.length === 0 || room < one.size) {
      batches.push([])
      room = BATCH_BYTES
    }
    batches.at(-1)?.push(one)
    room -= one.size
  }
  return batches
}

const read = (
  runner: typeof ProcessRunner.Service,
  directory: string,
  objects: GitRun["objects"],
  batch: ReadonlyArray<Sized>,
) =>
  Effect.gen(function* () {
    const stdin = batch.map(({ id }) => `${id}\n`).join("")
    const { output, exit } = yield* runner.stream(
      gitSpec({
        ...LOOK_LIMITS,
        directory,
        args: ["cat-file", "--batch", "--buffer"],
        stdin,
        ...(objects !== undefined && { objects }),
      }),
    )
    const chunks = yield* Stream.runCollect(Stream.filter(output, ({ stream }) => stream === "stdout"))
    const { exitCode } = yield* exit
    return exitCode === 0 ? Buffer.concat([...chunks].map(({ bytes }) => bytes)) : yield* unreadable
  }).pipe(
    Effect.scoped,
    Effect.catchTag("ProcessError", () => unreadable),
  )

/**
 * `<id> tree <size>
 * <content>
 * ` for each; an entry is `<mode> <name>\0<20 bytes>`.
 */
const treesIn = (bytes: Buffer, ids: ReadonlySet<string>): ReadonlyArray<readonly [string, Tree]> => {
  const trees: Array<readonly [string, Tree]> = []
  for (let at = 0; at < bytes.length;) {
    const start = bytes.indexOf(10, at) + 1
    const [id = "", type, size] = bytes.toString("latin1", at, start - 1).split(" ")
    const end = start + Number(size)
    if (start === 0 || type !== "tree" || !(end <= bytes.length)) return trees
    const below: Array<string> = []
    let entries = 0
    for (let entry = start; entry < end; entries += 1) {
      const idAt = bytes.indexOf(0, entry) + 1
      if (idAt === 0) return trees
      const child = bytes.toString("hex", idAt, idAt + 20)
      if (bytes[entry] === 0x34 && ids.has(child)) below.push(child)
      entry = idAt + 20
    }
    trees.push([id, { entries, below }])
    at = end + 1
  }
  return trees
}

/** Counts each tree once, its subtrees first, without recursion, because they may be nested 50,000 deep. */
const hasTooMany = (trees: ReadonlyMap<string, Tree>): boolean => {
  const counts = new Map<string, number>()
  for (const start of trees.keys()) {
    const stack = [start]
    for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
      const { entries, below } = trees.get(id) ?? { entries: 0, below: [] }
      const missing = counts.has(id) ? [] : [...new Set(below)].filter((child) => !counts.has(child))
      for (const child of missing) stack.push(child)
      if (missing.length > 0) continue
      stack.pop()
      if (counts.has(id)) continue
      const count = below.reduce((sum, child) => sum + (counts.get(child) ?? 0), entries)
      if (count > PATHS_MAX) return true
      counts.set(id, count)
    }
  }
  return false
}
