import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type GitRun, gitSpec } from "../../../src/domain/HardenedGit.ts"
import * as NodeProcessRunner from "../../../src/layers/process/NodeProcessRunner.ts"
import { GitFailure } from "../../../src/sidecar/git/GitFailure.ts"
import { removeStore, tidyStore, unusedStores } from "../../../src/sidecar/git/store.ts"
import { ProcessRunner } from "../../../src/services/ProcessRunner.ts"
import { commit, forge, gate, git, ok } from "../../support/git.ts"
import { tempDir } from "../../support/tempDir.ts"

/** A home with bottles that borrow from one store. */
const start = Effect.gen(function* () {
  const home = yield* tempDir
  const places = { gitStores: join(home, "git"), states: join(home, "state") }
  const at = yield* forge
  const bottle = (slug: string) =>
    gate(at, { slug, stores: places.gitStores, stateDir: join(places.states, slug) })
  return { at, places, bottle }
})

type Door = Effect.Effect.Success<ReturnType<typeof gate>>

/** What tidying needs of a bottle's repository, and how its sidecar is made to ask the upstream. */
const repositoryOf = (door: Door, { gitStores }: { readonly gitStores: string }) =>
  Effect.gen(function* () {
    const runner = yield* ProcessRunner
    const sync = ok(door.work, ["ls-remote", door.url])
    yield* sync
    const [key = ""] = readdirSync(gitStores)
    return {
      key,
      sync,
      store: join(gitStores, key, "objects"),
      git: (run: GitRun) =>
        Effect.mapError(
          runner.run(gitSpec({ directory: join(door.stateDir, "git", "app.git"), ...run })),
          ({ message }) => new GitFailure({ reason: message, remote: [] }),
        ),
    }
  }).pipe(Effect.provide(NodeProcessRunner.layer))

const objectsOf = (store: string) =>
  Effect.map(
    git(store, ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"], {
      env: { GIT_DIR: join(store, "..", "..", "..", "empty.git"), GIT_OBJECT_DIRECTORY: store },
    }),
    ({ stdout }) => stdout.trim().split("\n"),
  )

const packsOf = (store: string) =>
  readdirSync(join(store, "pack")).filter((name) => name.endsWith(".pack")).length

describe("a store of objects", () => {
  it.scopedLive(
    "is made one pack while bottles fetch from it, and loses nothing that one may borrow",
    () =>
      Effect.gen(function* () {
        const { at, places, bottle } = yield* start
        const doors = yield* Effect.all([bottle("one-aaaaa"), bottle("two-bbbbb")])
        const repository = yield* repositoryOf(doors[0], places)
        const { store } = repository
        yield* ok(places.gitStores, ["init", "-q", "--bare", join(places.gitStores, "..", "empty.git")])
        for (const n of [1, 2, 3]) {
          yield* commit(at.seeded, { "mistake.txt": `of round ${n}` })
          yield* ok(at.seeded, ["push", "-q", "-f", at.directory, "HEAD:refs/heads/gone"])
          yield* repository.sync
          yield* ok(at.seeded, ["reset", "-q", "--hard", "HEAD~1"])
        }
        yield* ok(at.directory, ["update-ref", "-d", "refs/heads/gone"])
        const before = yield* objectsOf(store)
        expect(before.length).toBeGreaterThan(10)
        const [clone] = yield* Effect.all(
          [
            doors[0].clone(),
            doors[1].clone(),
            Effect.repeatN(tidyStore(repository, { packsMax: -1, looseMax: -1 }), 5),
          ],
          { concurrency: "unbounded" },
        )
        expect(packsOf(store)).toBe(1)
        expect(yield* objectsOf(store)).toEqual(before)
        yield* commit(clone, { "a.txt": "a" })
        expect((yield* git(clone, ["push", "origin", "HEAD"])).code).toBe(0)
        expect(yield* tidyStore(repository)).toBe("small")
      }),
    180_000,
  )

  it.scopedLive(
    "is tidied by one at a time, after one that was killed too, with what that left",
    () =>
      Effect.gen(function* () {
        const { places, bottle } = yield* start
        const repository = yield* repositoryOf(yield* bottle("one-aaaaa"), places)
        const { store } = repository
        const tidy = tidyStore(repository, { packsMax: -1, looseMax: -1 })
        const old = new Date(Date.now() - 30 * 3_600_000)
        const lock = join(store, "..", "tidying")
        writeFileSync(lock, "")
        expect(yield* tidy).toBe("busy")
        utimesSync(lock, old, old)
        for (const name of ["tmp_pack_old", "tmp_pack_new"]) writeFileSync(join(store, "pack", name), "x")
        utimesSync(join(store, "pack", "tmp_pack_old"), old, old)
        expect(yield* tidy).toBe("tidied")
        expect(existsSync(lock)).toBe(false)
        expect(readdirSync(join(store, "pack")).filter((name) => name.startsWith("tmp_"))).toEqual([
          "tmp_pack_new",
        ])
      }),
    180_000,
  )

  it.scopedLive(
    "goes when no bottle borrows from it, and not while one does",
    () =>
      Effect.gen(function* () {
        const { places, bottle } = yield* start
        const { key } = yield* repositoryOf(yield* bottle("mine-aaaaa"), places)
        mkdirSync(join(places.gitStores, "unused", "objects"), { recursive: true })
        const unused = yield* unusedStores(places)
        expect(unused).toMatchObject([{ name: "unused" }])
        expect(Math.abs((unused[0]?.since ?? 0) - Date.now())).toBeLessThan(600_000)
        expect(yield* removeStore(places, "unused")).toBe(true)
        expect(yield* removeStore(places, "unused")).toBe(false)
        // A bottle may begin to borrow after somebody has looked.
        expect(yield* removeStore(places, key)).toBe(false)
        expect(readdirSync(places.gitStores)).toEqual([key])
        rmSync(join(places.states, "mine-aaaaa"), { recursive: true })
        expect(yield* removeStore(places, key)).toBe(true)
        expect(readdirSync(places.gitStores)).toEqual([])
        rmSync(places.gitStores, { recursive: true })
        expect(yield* unusedStores(places)).toEqual([])
      }),
    180_000,
  )

  it.scopedLive(
    "that is gone, or is another's than before, is filled again for a bottle that comes back",
    () =>
      Effect.gen(function* () {
        const { at, places, bottle } = yield* start
        const stateDir = join(places.states, "mine-aaaaa")
        yield* Effect.scoped(Effect.flatMap(bottle("mine-aaaaa"), (door) => door.clone()))
        rmSync(places.gitStores, { recursive: true })
        yield* Effect.scoped(Effect.flatMap(bottle("mine-aaaaa"), (door) => door.clone()))
        const stores = join(places.gitStores, "elsewhere")
        const moved = yield* gate(at, { slug: "mine-aaaaa", stores, stateDir })
        yield* moved.clone()
        yield* ok(moved.work, ["--git-dir", join(stateDir, "git", "app.git"), "fsck", "--connectivity-only"])
      }),
    180_000,
  )
})
