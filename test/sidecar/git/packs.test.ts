import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { forge, gate, git, ok } from "../../support/git.ts"
import {
  type Entry,
  NOTHING,
  ask,
  blobOf,
  commitOf,
  deltaOf,
  entryId,
  idOf,
  packOf,
  pushOf,
  treeOf,
} from "../../support/packs.ts"

const start = Effect.gen(function* () {
  const at = yield* forge
  const door = yield* gate(at)
  const main = yield* ok(at.seeded, ["rev-parse", "main"])
  const before = yield* at.refs
  const ref = `refs/heads/${door.branch}`
  const send = (body: Buffer) => ask(door.url, "git-receive-pack", body)
  return {
    at,
    door,
    main,
    ref,
    send,
    /** Pushes a pack by hand; answers the report. */
    push: (tip: string, pack: Buffer) => send(pushOf([{ new: tip, ref }], pack, "report-status")),
    /** What must hold after each push that was refused. */
    nothing: (name: string) =>
      Effect.gen(function* () {
        expect(yield* at.refs, name).toEqual(before)
        expect(door.leftOver(), name).toEqual([])
      }),
  }
})

/** A commit of those entries of a tree, with all that it needs. */
const pushable = (tree: Entry, parent: string, more: ReadonlyArray<Entry> = []) => {
  const commit = commitOf(entryId(tree), [parent])
  return { tip: entryId(commit), entries: [commit, tree, ...more] }
}

const BROKEN =
  /its pack is broken, incomplete, or too much|the push leaves out objects that it needs|more than 50000 objects/

describe("a pack made by hand", () => {
  it.scopedLive(
    "that is cut, counted wrong, changed or nonsense is refused, and nothing is left of it",
    () =>
      Effect.gen(function* () {
        const { main, push, nothing } = yield* start
        const file = blobOf("work\n")
        const { tip, entries } = pushable(treeOf([{ name: "a.txt", id: entryId(file) }]), main, [file])
        const good = packOf(entries)
        const flipped = Buffer.from(good)
        flipped[40] = (flipped[40] ?? 0) ^ 255
        const selfId = idOf("blob", Buffer.from("self"))
        const cycle = (id: string): Entry => ({ type: "refDelta", base: id, data: deltaOf(4, ["self"]) })
        const wrongSize: Entry = { type: "refDelta", base: entryId(file), data: deltaOf(999, ["text"]) }
        const beyond: Entry = {
          type: "refDelta",
          base: entryId(file),
          data: deltaOf(5, [{ offset: 3, size: 60_000 }]),
        }
        const attempts: ReadonlyArray<readonly [string, Buffer]> = [
          ["cut in half", good.subarray(0, good.length / 2)],
          ["without its end", good.subarray(0, -5)],
          ["with another checksum", packOf(entries, { checksum: Buffer.alloc(20, 7) })],
          ["with a byte changed", flipped],
          ["with more objects said than there are", packOf(entries, { count: 4 })],
          ["with fewer", packOf(entries, { count: 2 })],
          ["with four thousand million", packOf(entries, { count: 0xffffffff })],
          ["with one of them twice", packOf([...entries, file])],
          ["of another version", Buffer.concat([Buffer.from("PACK\0\0\0\u0009"), good.subarray(8)])],
          ["that is none", Buffer.from("<html>no</html>".repeat(20))],
          ["with a type that is none", packOf([...entries, { type: "none", data: Buffer.from("x") }])],
          ["with a reserved type", packOf([...entries, { type: "reserved", data: Buffer.from("x") }])],
          ["with a delta of itself", packOf([...entries, cycle(selfId)])],
          ["with a delta of nothing", packOf([...entries, cycle(NOTHING)])],
          ["with a delta of another size", packOf([...entries, wrongSize])],
          ["with a delta that copies past its base", packOf([...entries, beyond])],
          ["with an object left out", packOf(entries.slice(0, 2))],
        ]
        for (const [name, pack] of attempts) {
          expect(yield* push(tip, pack), name).toMatch(BROKEN)
          yield* nothing(name)
        }
        expect(yield* push(tip, good)).toContain("ok refs/heads")
      }),
    180_000,
  )

  it.scopedLive(
    "with names that mean something to git or a file system, or with objects out of form, is refused",
    () =>
      Effect.gen(function* () {
        const { at, main, push, nothing, ref } = yield* start
        const file = blobOf("[core]\nfsmonitor = evil\n")
        const id = entryId(file)
        const modules = (text: string) => {
          const blob = blobOf(text)
          return [treeOf([{ name: ".gitmodules", id: entryId(blob) }]), blob] as const
        }
        const trees: ReadonlyArray<readonly [string, Entry, Entry?]> = [
          ...[".git", ".GIT", ".Git", "git~1", ".git ", ".g\u200cit", "..", ".", "a/b", ""].map(
            (name) => [`named ${JSON.stringify(name)}`, treeOf([{ name, id }])] as const,
          ),
          [
            "twice the same",
            treeOf([
              { name: "a", id },
              { name: "a", id },
            ]),
          ],
          [
            "a file and a folder of one name",
            treeOf([
              { name: "a", id },
              { name: "a", id, mode: "40000" },
            ]),
          ],
          [
            "out of order",
            treeOf([
              { name: "b", id },
              { name: "a", id },
            ]),
          ],
          ["to nothing", treeOf([{ name: "a", id: NOTHING }])],
          ["cut", { type: "tree", data: Buffer.from("100644 a\0short") }],
          [".gitmodules as a link", treeOf([{ name: ".gitmodules", id, mode: "120000" }])],
          ["a url that is an option", ...modules('[submodule "x"]\npath = x\nurl = -u./payload\n')],
          [
            "a path that is an option",
            ...modules('[submodule "x"]\npath = -x\nurl = https://a.example.com/b\n'),
          ],
          [
            "a name that climbs",
            ...modules('[submodule "../../x"]\npath = x\nurl = https://a.example.com/b\n'),
          ],
          [
            "a url with a line break",
            ...modules('[submodule "x"]\npath = x\nurl = "https://a.example.com/%0ahost=b"\n'),
          ],
        ]
        for (const [name, tree, blob = file] of trees) {
          const { tip, entries } = pushable(tree, main, [blob])
          expect(yield* push(tip, packOf(entries)), name).toMatch(BROKEN)
          yield* nothing(name)
        }
        const tree = treeOf([{ name: "a.txt", id }])
        const commits: ReadonlyArray<readonly [string, Entry]> = [
          ["without an author", { type: "commit", data: Buffer.from(`tree ${entryId(tree)}\n\nx`) }],

          ["of a file", commitOf(id, [main])],
          ["with a file as its parent", commitOf(entryId(tree), [id])],
        ]
        for (const [name, commit] of commits) {
          expect(yield* push(entryId(commit), packOf([commit, tree, file])), name).toMatch(BROKEN)
          yield* nothing(name)
        }
        // A link is a text to whoever does not check it out.
        const target = blobOf("/etc/passwd")
        const link = pushable(treeOf([{ name: "link", id: entryId(target), mode: "120000" }]), main, [target])
        expect(yield* push(link.tip, packOf(link.entries))).toContain("ok refs/heads")
        expect(yield* ok(at.directory, ["show", `${ref}:link`])).toBe("/etc/passwd")
      }),
    180_000,
  )

  it.scopedLive(
    "that is small and unpacks to gigabytes is refused in time, as one file and as many",
    () =>
      Effect.gen(function* () {
        const { main, push, nothing } = yield* start
        const base = blobOf(Buffer.alloc(16_000_000))
        const bomb = (copies: number, text: string): Entry => ({
          type: "refDelta",
          base: entryId(base),
          data: deltaOf(16_000_000, [
            text,
            ...Array.from({ length: copies }, () => ({ offset: 0, size: 16_000_000 })),
          ]),
        })
        const { tip, entries } = pushable(treeOf([{ name: "zeros", id: entryId(base) }]), main, [base])
        const one = packOf([...entries, bomb(200, "x")])
        const many = packOf([...entries, ...Array.from({ length: 10 }, (_, at) => bomb(7, `${at}`))])
        expect(one.length + many.length).toBeLessThan(100_000)
        expect(yield* push(tip, one)).toMatch(BROKEN)
        yield* nothing("one")
        expect(yield* push(tip, many)).toContain("the push is more than 1 GiB unpacked")
        yield* nothing("many")
        expect(yield* push(tip, packOf(entries))).toContain("ok refs/heads")
      }),
    180_000,
  )

  it.scopedLive(
    "that is small and names millions of paths is refused in time, also when they all lead to nothing",
    () =>
      Effect.gen(function* () {
        const { main, push, nothing } = yield* start
        const file = blobOf("work\n")
        const empty = treeOf([])
        /** A tree of trees: 16 to the power of 8 paths in 9 objects. */
        const bomb = (leaf: Entry, mode: string) => {
          const trees = [
            treeOf(Array.from({ length: 16 }, (_, at) => ({ name: name(at), id: entryId(leaf), mode }))),
          ]
          for (let depth = 1; depth < 8; depth += 1) {
            const below = trees.at(-1) ?? leaf
            trees.push(
              treeOf(
                Array.from({ length: 16 }, (_, at) => ({
                  name: name(at),
                  id: entryId(below),
                  mode: "40000",
                })),
              ),
            )
          }
          return pushable(trees.at(-1) ?? leaf, main, [...trees.slice(0, -1), leaf])
        }
        const name = (at: number) => String.fromCharCode(97 + at)
        for (const [kind, { tip, entries }] of [
          ["files", bomb(file, "100644")],
          ["nothing", bomb(empty, "40000")],
        ] as const) {
          const pack = packOf(entries)
          expect(pack.length, kind).toBeLessThan(4096)
          expect(yield* push(tip, pack), kind).toContain("too many objects or paths to look at")
          yield* nothing(kind)
        }
        const { tip, entries } = pushable(treeOf([{ name: "a.txt", id: entryId(file) }]), main, [file])
        expect(yield* push(tip, packOf(entries))).toContain("ok refs/heads")
      }),
    180_000,
  )

  it.scopedLive(
    "with a delta of a delta, three thousand deep, is unpacked",
    () =>
      Effect.gen(function* () {
        const { at, main, push, ref } = yield* start
        const chain: Array<Entry> = [blobOf("0123456789")]
        let text = "0123456789"
        for (let depth = 0; depth < 3000; depth += 1) {
          const base = idOf("blob", Buffer.from(text))
          chain.push({
            type: "refDelta",
            base,
            data: deltaOf(text.length, [{ offset: 0, size: text.length }, "+"]),
          })
          text += "+"
        }
        const last = idOf("blob", Buffer.from(text))
        const { tip, entries } = pushable(treeOf([{ name: "deep.txt", id: last }]), main)
        expect(yield* push(tip, packOf([...entries, ...chain]))).toContain("ok refs/heads")
        expect(yield* ok(at.directory, ["show", `${ref}:deep.txt`])).toBe(text)
      }),
    180_000,
  )
})

describe("the head of a push", () => {
  it.scopedLive(
    "that asks for what is not offered, or names what is no ref, is refused",
    () =>
      Effect.gen(function* () {
        const { door, main, ref, send, nothing } = yield* start
        const commit = commitOf("4b825dc642cb6eb9a060e54bf8d69288fbee4904", [main])
        const tip = entryId(commit)
        const pack = packOf([commit, treeOf([])])
        const one = (name: string, capabilities = "report-status") =>
          pushOf([{ new: tip, ref: name }], pack, capabilities)
        const names = [
          `${ref}/\u001b[31mred`,
          `${ref}/a\nb`,
          `${ref}/a b`,
          `${ref}/a..b`,
          `${ref}/a.lock`,
          `${ref}/@{u}`,
          `${ref}//x`,
          `${ref}/`,
          `${ref}/${"x".repeat(600)}`,
          "HEAD",
          "--upload-pack=x",
          "refs/heads/../../x",
        ]
        for (const name of names) {
          expect(yield* send(one(name)), name).toMatch(/it is not a valid ref name|not served/)
          yield* nothing(name)
        }
        const many = Array.from({ length: 201 }, (_, at) => ({ new: tip, ref: `${ref}/${at}` }))
        const bodies: ReadonlyArray<readonly [string, Buffer, RegExp]> = [
          ["many refs", pushOf(many, pack), /more than 200 refs in one push/],
          [
            "thousands",
            pushOf(
              Array.from({ length: 9000 }, (_, at) => ({ new: tip, ref: `${ref}/${at}` })),
              pack,
            ),
            /more than 200 refs/,
          ],
          [
            "one ref twice",
            pushOf(
              [
                { new: tip, ref },
                { new: tip, ref },
              ],
              pack,
            ),
            /a ref appears twice/,
          ],
          ["options", one(ref, "report-status push-options"), /push options are not allowed/],
          [
            "a certificate",
            Buffer.concat([Buffer.from("0012push-cert\0abcd\n".replace("abcd", "ab")), pack]),
            /not served|cannot be read/,
          ],
          ["SHA-256", pushOf([{ new: "ab".repeat(32), old: "0".repeat(64), ref }], pack), /not served/],
          ["no end", Buffer.from("00"), /cannot be read/],
          ["a length of its own", Buffer.from("zzzzpush"), /cannot be read/],
          ["a line that is longer than it is", Buffer.from("ffff0000"), /cannot be read/],
          [
            "one that may be and one that may not",
            pushOf(
              [
                { new: tip, ref },
                { new: tip, ref: "refs/heads/main", old: main },
              ],
              pack,
              "report-status",
            ),
            /another ref of the push was refused/,
          ],
        ]
        for (const [name, body, reason] of bodies) {
          expect(yield* send(body), name).toMatch(reason)
          yield* nothing(name)
        }
        expect(door.logText().replaceAll("\n", "")).not.toMatch(/\p{Cc}/u)
        // Whoever wants no report gets none, and what it pushes is looked at all the same.
        expect(yield* send(one("refs/heads/main", ""))).toBe("")
        yield* nothing("without a report")
        expect(yield* send(one(ref))).toContain("ok refs/heads")
      }),
    180_000,
  )
})

describe("a large push", () => {
  it.scopedLive(
    "of 10,000 files goes through",
    () =>
      Effect.gen(function* () {
        const { at, door } = yield* start
        const here = yield* door.clone()
        const files = Array.from(
          { length: 10_000 },
          (_, n) =>
            `M 100644 inline src/${n % 100}/${n}.ts\ndata ${20 + `${n}`.length}\nexport const value=${n};\n`,
        )
        const head = yield* ok(here, ["rev-parse", "HEAD"])
        yield* ok(here, ["fast-import", "--quiet", "--force"], {
          stdin: `commit refs/heads/${door.branch}\ncommitter bot <bot@example.com> 1 +0000\ndata 4\nmany\nfrom ${head}\n${files.join("")}\n`,
        })
        expect((yield* git(here, ["push", "origin", door.branch])).stderr).toContain("[new branch]")
        const listed = yield* ok(at.directory, ["ls-tree", "-r", "--name-only", `refs/heads/${door.branch}`])
        expect(listed.split("\n").length).toBe(10_002)
      }),
    240_000,
  )

  it.scopedLive(
    "of 90 MB goes through, all of it one file",
    () =>
      Effect.gen(function* () {
        const { at, main, push, ref } = yield* start
        const size = 90_000_000
        const noise = Buffer.alloc(size)
        for (let at = 0, seed = 1; at < size; at += 4) {
          seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
          noise.writeUInt32LE((seed ^ (seed >>> 13)) >>> 0, at)
        }
        const file = blobOf(noise)
        const { tip, entries } = pushable(treeOf([{ name: "noise.bin", id: entryId(file) }]), main, [file])
        const pack = packOf(entries)
        expect(pack.length).toBeGreaterThan(size * 0.9)
        expect(yield* push(tip, pack)).toContain("ok refs/heads")
        expect(yield* ok(at.directory, ["cat-file", "-s", `${ref}:noise.bin`])).toBe(`${size}`)
      }),
    240_000,
  )
})
