import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { commit, forge, gate, git, ok } from "../../support/git.ts"
import { ask, deltaOf, fetchOf, objectIn, packOf, pushOf } from "../../support/packs.ts"
import { tempDir } from "../../support/tempDir.ts"

const HIDDEN = "what was pushed by mistake, and taken away again\n"

/** Two bottles of one repository, whose store has objects that the upstream shows no more, and one that lives at the upstream alone. */
const start = Effect.gen(function* () {
  const at = yield* forge
  const stores = join(yield* tempDir, "stores")
  const main = yield* ok(at.seeded, ["rev-parse", "main"])
  yield* ok(at.seeded, ["checkout", "-q", "-b", "gone"])
  const gone = yield* commit(at.seeded, { "mistake.txt": HIDDEN })
  yield* ok(at.seeded, ["push", "-q", at.directory, "gone"])
  const other = yield* gate(at, { slug: "one-aaaaa", stores })
  yield* other.clone()
  yield* ok(at.directory, ["update-ref", "-d", "refs/heads/gone"])
  const pulled = yield* commit(at.seeded, { "pull.txt": "of a pull request" })
  yield* ok(at.seeded, ["push", "-q", at.directory, "HEAD:refs/pull/1/head"])
  const door = yield* gate(at, { slug: "two-bbbbb", stores })
  yield* ok(door.work, ["ls-remote", door.url])
  const idOf = (name: string) => ok(at.seeded, ["rev-parse", name])
  return {
    at,
    door,
    other,
    main,
    hidden: {
      commit: gone,
      tree: yield* idOf(`${gone}^{tree}`),
      blob: yield* idOf(`${gone}:mistake.txt`),
    },
    pulled,
    readme: yield* idOf("main:README.md"),
    store: yield* Effect.map(
      git(door.work, ["--git-dir", join(door.stateDir, "git", "app.git"), "cat-file", "-e", gone]),
      ({ code }) => code === 0,
    ),
  }
})

describe("what the upstream shows no more, and the store of its objects still has,", () => {
  it.scopedLive(
    "is fetched by no hash, in no version of the protocol",
    () =>
      Effect.gen(function* () {
        const { door, hidden, main, pulled, readme, store } = yield* start
        expect(store).toBe(true)
        for (const version of [0, 1, 2] as const) {
          for (const id of [...Object.values(hidden), pulled, "12".repeat(20)]) {
            for (const zip of [false, true]) {
              const text = yield* ask(door.url, "git-upload-pack", fetchOf(version, [`want ${id}`]), {
                version,
                zip,
              })
              expect(text).toContain(`ERR bot-bottle: no branch or tag of the upstream leads to ${id}`)
            }
          }
          const both = fetchOf(version, [`want ${main}`, `want ${hidden.blob.toUpperCase()}`])
          expect(yield* ask(door.url, "git-upload-pack", both, { version })).toContain(hidden.blob)
          for (const id of [main, readme])
            expect(
              yield* ask(door.url, "git-upload-pack", fetchOf(version, [`want ${id}`]), { version }),
            ).toContain("PACK")
        }
        expect((yield* git(door.work, ["fetch", door.url, hidden.commit])).code).not.toBe(0)
        expect(door.logText()).toContain(`leads to ${hidden.commit}`)
      }),
    180_000,
  )

  it.scopedLive(
    "is not admitted to be there, and other ways to name objects are not served",
    () =>
      Effect.gen(function* () {
        const { door, hidden, main } = yield* start
        const acknowledged = (id: string) =>
          ask(door.url, "git-upload-pack", fetchOf(2, [`want ${main}`, `have ${id}`], { isDone: false }))
        expect(yield* acknowledged(main)).toContain(`ACK ${main}`)
        expect(yield* acknowledged(hidden.commit)).toContain("NAK")
        expect(yield* acknowledged(hidden.blob)).toContain("NAK")
        // git ends with an error at a file that is there, and passes over one that is not.
        for (const id of [hidden.blob, hidden.tree, "12".repeat(20)]) {
          const shallow = fetchOf(2, [`want ${main}`, `shallow ${id}`, "deepen 1"])
          expect(yield* ask(door.url, "git-upload-pack", shallow), id).toContain("PACK")
        }
        for (const line of [`want-ref refs/pull/1/head`, `want ${main}x`, `have ${hidden.commit}x`])
          expect(yield* ask(door.url, "git-upload-pack", fetchOf(2, [line])), line).toContain(
            "asks for something that is not served",
          )
        const sparse = yield* ask(
          door.url,
          "git-upload-pack",
          fetchOf(2, [`want ${main}`, `filter sparse:oid=${hidden.blob}`]),
        )
        expect(sparse).not.toContain("PACK")
        const info = Buffer.from(`0018command=object-info\n00010008size0031oid ${hidden.blob}\n0000`)
        expect(yield* ask(door.url, "git-upload-pack", info)).toContain("not served")
        for (const broken of ["zzzz", "0003", "0040want", "00"])
          expect(yield* ask(door.url, "git-upload-pack", Buffer.from(broken))).toContain("cannot be read")
      }),
    180_000,
  )

  it.scopedLive(
    "is brought back by no push: as a ref, a parent, a file, or the base of a delta",
    () =>
      Effect.gen(function* () {
        const { at, door, hidden, main, readme } = yield* start
        const before = yield* at.refs
        const treeOf = (blob: string) =>
          ok(at.seeded, ["mktree"], { stdin: `100644 blob ${blob}\tmistake.txt\n` })
        const commitOf = (tree: string, parent: string) =>
          ok(at.seeded, ["commit-tree", "-m", "work", "-p", parent, tree])
        const packed = (...ids: ReadonlyArray<string>) => ids.map((id) => objectIn(at.seeded, id))
        const pushed = (tip: string, pack: Buffer) =>
          ask(
            door.url,
            "git-receive-pack",
            pushOf([{ new: tip, ref: `refs/heads/${door.branch}` }], pack, "report-status"),
          )
        const withFile = yield* treeOf(hidden.blob)
        const asFile = yield* commitOf(withFile, main)
        const plain = yield* ok(at.seeded, ["rev-parse", "main^{tree}"])
        const asParent = yield* commitOf(plain, hidden.commit)
        const asTree = yield* commitOf(hidden.tree, main)
        const copy = [{ offset: 0, size: HIDDEN.length }]
        const delta = deltaOf(HIDDEN.length, copy)
        const onIt = { type: "refDelta", base: hidden.blob, data: delta } as const
        const seen = {
          type: "refDelta",
          base: readme,
          data: deltaOf(7, [{ offset: 0, size: 7 }, "!"]),
        } as const
        const attempts: ReadonlyArray<readonly [string, string, Buffer]> = [
          ["a ref", hidden.commit, packOf([])],
          ["a ref without a pack", hidden.commit, Buffer.alloc(0)],
          ["a file", asFile, packOf(packed(asFile, withFile))],
          ["a parent", asParent, packOf(packed(asParent))],
          ["a tree", asTree, packOf(packed(asTree))],
          ["a delta", asFile, packOf([...packed(asFile, withFile), onIt])],
          [
            "a delta, with more after the pack",
            asFile,
            Buffer.concat([packOf([...packed(asFile, withFile), onIt]), Buffer.alloc(5000)]),
          ],
        ]
        for (const [name, tip, pack] of attempts) {
          const text = yield* pushed(tip, pack)
          expect(text, name).toMatch(/ng refs\/heads\/\S+ (the push leaves out objects|its pack is broken)/)
          expect(yield* at.refs, name).toEqual(before)
          expect(door.leftOver(), name).toEqual([])
        }
        const made = yield* ok(at.seeded, ["hash-object", "-w", "--stdin"], { stdin: "cellar\n!" })
        const tree = yield* treeOf(made)
        const fine = yield* commitOf(tree, main)
        expect(yield* pushed(fine, packOf([...packed(fine, tree), seen]))).toContain("ok refs/heads")
      }),
    180_000,
  )
})
