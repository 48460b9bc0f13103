/**
 * A store of upstream objects that several bottles borrow from. It is repacked without ever losing an object, and removed when nobody
 * borrows from it.
 */
import { Clock, Effect } from "effect"
import { randomUUID } from "node:crypto"
import { readdir, rename, rm, stat, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import type { GitRun } from "../../domain/HardenedGit.ts"
import type { ProcessResult } from "../../services/ProcessRunner.ts"
import { type FileFailure, file, orElseOn, namesIn, textOf, ensureDirectory } from "../../files/files.ts"
import type { GitFailure } from "./GitFailure.ts"

/** When to repack a store, which takes time: number of packs, and a 256th of the loose objects, as git counts them. */
export interface StoreLimits {
  readonly packsMax: number
  readonly looseMax: number
}

/** A store, and git in a repository that borrows from it. */
export interface StoreAtHand {
  readonly store: string
  readonly git: (run: GitRun) => Effect.Effect<ProcessResult, GitFailure>
}

const LIMITS: StoreLimits = { packsMax: 40, looseMax: 27 }
/** Anything older was left by a killed git process. */
const LEFT_MS = 24 * 3_600_000
const LOCK_MS = 3_600_000

/**
 * Repacks a store that has grown by many fetches, and removes leftovers of killed ones. Safe during reads and fetches: no object is
 * ever dropped, reachable or not, because other bottles borrow from the store too.
 */
export const tidyStore = Effect.fnUntraced(function* (
  { git, store }: StoreAtHand,
  limits: StoreLimits = LIMITS,
): Effect.fn.Return<"tidied" | "small" | "busy", GitFailure | FileFailure> {
  yield* removeLeft(store)
  const packs = yield* file(() => readdir(join(store, "pack")))
  const loose = yield* namesIn(join(store, "17"))
  const isSmall =
    packs.filter((name) => name.endsWith(".pack")).length <= limits.packsMax &&
    loose.length <= limits.looseMax
  if (isSmall) return "small"
  const lock = join(dirname(store), "tidying")
  const isOurs = yield* takeLock(lock)
  if (!isOurs) return "busy"
  yield* Effect.ensuring(
    git({
      args: ["repack", "-a", "-d", "-k", "-q", "--no-write-bitmap-index"],
      objects: { directory: store },
    }),
    Effect.ignore(file(() => rm(lock, { force: true }))),
  )
  return "tidied"
})

/** Two repacks at once would only duplicate work, so the lock of a killed one is simply taken over. */
const takeLock = (path: string) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const since = yield* file(() => stat(path)).pipe(
      Effect.map(({ mtimeMs }) => mtimeMs),
      orElseOn("ENOENT", 0),
    )
    if (since !== 0 && since < now - LOCK_MS) yield* file(() => rm(path, { force: true }))
    return yield* file(() => writeFile(path, "", { flag: "wx", mode: 0o600 })).pipe(
      Effect.as(true),
      orElseOn("EEXIST", false),
    )
  })

const removeLeft = Effect.fnUntraced(function* (store: string) {
  const before = (yield* Clock.currentTimeMillis) - LEFT_MS
  const names = yield* file(() => readdir(store, { recursive: true }))
  yield* Effect.forEach(
    names.filter((name) => basename(name).startsWith("tmp_")),
    (name) =>
      file(() => stat(join(store, name))).pipe(
        Effect.flatMap(({ mtimeMs }) =>
          mtimeMs < before ? file(() => rm(join(store, name), { force: true })) : Effect.void,
        ),
        orElseOn("ENOENT", undefined),
      ),
    { discard: true },
  )
})

/** A store that no bottle borrows from. */
export interface UnusedStore {
  readonly name: string
  /** When it last fetched from the upstream, in milliseconds since the epoch. */
  readonly since: number
}

/** Paths of stores and their borrowers. */
export interface StorePlaces {
  readonly gitStores: string
  /** For all bottles: each has its repositories in `<slug>/git`. */
  readonly states: string
}

/** Stores that no bottle borrows from, frozen ones included. */
export const unusedStores = Effect.fnUntraced(function* (
  places: StorePlaces,
): Effect.fn.Return<ReadonlyArray<UnusedStore>, FileFailure> {
  const names = yield* namesIn(places.gitStores)
  const used = yield* borrowed(places)
  const unused = names.filter((name) => !used.has(join(places.gitStores, name, "objects")))
  const found = yield* Effect.forEach(unused, (name) =>
    Effect.map(lastUse(join(places.gitStores, name)), (since) => ({ name, since })),
  )
  return found
})

const lastUse = (root: string) =>
  Effect.map(
    Effect.forEach([root, join(root, "tips")], (path) =>
      file(() => stat(path)).pipe(
        Effect.map(({ mtimeMs }) => mtimeMs),
        orElseOn("ENOENT", 0),
      ),
    ),
    (times) => Math.max(...times),
  )

/**
 * Removes a store unless somebody has begun to borrow from it: it is first moved aside, and then moved back. Whoever opens a repository
 * records what it borrows from before checking that it exists. Returns whether the store is gone.
 */
export const removeStore = Effect.fnUntraced(function* (
  places: StorePlaces,
  name: string,
): Effect.fn.Return<boolean, FileFailure> {
  const root = join(places.gitStores, name)
  const aside = join(places.gitStores, `.${randomUUID()}`)
  const isThere = yield* file(() => rename(root, aside)).pipe(Effect.as(true), orElseOn("ENOENT", false))
  if (!isThere) return false
  const isUsed = (yield* borrowed(places)).has(join(root, "objects"))
  // If a new one was created meanwhile, it stays, and ours is removed.
  const isBack = isUsed
    ? yield* file(() => rename(aside, root)).pipe(
        Effect.as(true),
        orElseOn("ENOTEMPTY", false),
        orElseOn("EEXIST", false),
      )
    : false
  if (isBack) return false
  yield* file(() => rm(aside, { recursive: true, force: true, maxRetries: 5 }))
  return !isUsed
})

/** The object folders that bottles' repositories borrow from. */
const borrowed = Effect.fnUntraced(function* ({ states }: StorePlaces) {
  const slugs = yield* namesIn(states)
  const texts = yield* Effect.forEach(slugs, (slug) =>
    Effect.gen(function* () {
      const folder = join(states, slug, "git")
      const names = yield* namesIn(folder).pipe(orElseOn("ENOTDIR", []))
      return yield* Effect.forEach(
        names.filter((name) => name.endsWith(".git")),
        (name) => textOf(join(folder, name, "objects", "info", "alternates")),
      )
    }),
  )
  return new Set(texts.flat().map((text) => text.trim()))
})

/** Creates the folder of a store. Returns whether it is still empty. */
export const makeStore = Effect.fnUntraced(function* (root: string): Effect.fn.Return<boolean, FileFailure> {
  for (const folder of ["pack", "info"]) yield* ensureDirectory(join(root, "objects", folder))
  return yield* file(() => stat(join(root, "tips"))).pipe(Effect.as(false), orElseOn("ENOENT", true))
})
