import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { extract } from "../../../src/layers/tar/extract.ts"
import type { TarHeader } from "../../../src/layers/tar/tar.ts"
import { tar } from "../../../src/layers/tar/tar.ts"
import { tempDir } from "../../support/tempDir.ts"

type Item = TarHeader & { readonly content?: string }
const archive = (...items: ReadonlyArray<Item>) =>
  tar((writer) =>
    Effect.forEach(items, ({ content, ...header }) => writer.add(header, content), { discard: true }),
  )
const folder = (name: string): Item => ({ name, type: "directory", mode: 0o755 })
const link = (name: string, linkname: string): Item => ({ name, type: "symlink", linkname })

/** All links below a folder, by their path in it. */
const linksIn = (root: string, below = ""): ReadonlyArray<string> =>
  readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name)
    return entry.isSymbolicLink() ? [path] : entry.isDirectory() ? linksIn(root, path) : []
  })

/** Links that lead out of a folder, by the kernel; of one to nothing, by what somebody could still make. */
const leadingOut = (root: string): ReadonlyArray<string> =>
  linksIn(root).filter((name) => {
    const path = join(root, name)
    const at = existsSync(path)
      ? realpathSync.native(path)
      : join(realpathSync.native(dirname(path)), readlinkSync(path))
    return at !== realpathSync.native(root) && !at.startsWith(`${realpathSync.native(root)}/`)
  })

/** The same in any order of some. */
const orders = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  items.length < 2
    ? [items]
    : items.flatMap((item, at) => orders(items.toSpliced(at, 1)).map((rest) => [item].concat(rest)))

describe("what an agent made, taken apart", () => {
  it.scopedLive("a file gets the name that is given, or its own in a folder that is there", () =>
    Effect.gen(function* () {
      const root = yield* tempDir
      const file = { name: "a.txt", content: "hello\n" }
      expect(yield* extract(archive(file), join(root, "b.txt"))).toMatchObject({
        files: 1,
        path: join(root, "b.txt"),
      })
      expect(yield* extract(archive(file), root)).toMatchObject({ path: join(root, "a.txt") })
      expect([readFileSync(join(root, "b.txt"), "utf8"), readFileSync(join(root, "a.txt"), "utf8")]).toEqual([
        "hello\n",
        "hello\n",
      ])
    }),
  )

  it.scopedLive("a folder comes with what is in it: files, an executable one, links within, hard links", () =>
    Effect.gen(function* () {
      const root = yield* tempDir
      const big = "x".repeat(300_000)
      const { files, skipped } = yield* extract(
        archive(
          folder("work"),
          { name: "work/run", content: "#!/bin/sh\n", mode: 0o4755 },
          link("work/early", "deep/big"),
          { name: "work/deep/big", content: big },
          { name: "work/again", type: "link", linkname: "work/deep/big" },
          link("work/deep/up", "../run"),
        ),
        join(root, "out"),
      )
      expect([files, skipped]).toEqual([3, []])
      expect(statSync(join(root, "out/run")).mode & 0o7777 & ~0o022).toBe(0o755)
      expect(readFileSync(join(root, "out/early"), "utf8")).toBe(big)
      expect(readFileSync(join(root, "out/again"), "utf8")).toBe(big)
      expect(readlinkSync(join(root, "out/deep/up"))).toBe("../run")
    }),
  )

  const hostile: Readonly<Record<string, ReadonlyArray<Item>>> = {
    "a path with ..": [{ name: "w/../../escaped", content: "x" }],
    "a path that is absolute": [{ name: "/tmp/bot-bottle-escaped", content: "x" }],
    "another top than its own": [{ name: "other/escaped", content: "x" }],
    "a link out, absolute": [link("w/etc", "/etc")],
    "a link out, relative": [link("w/up", "../../secret")],
    "a link to its parent": [link("w/up", "..")],
    "a hard link to what is outside": [{ name: "w/hard", type: "link", linkname: "/etc/passwd" }],
    "a hard link through ..": [{ name: "w/hard", type: "link", linkname: "w/../../secret" }],
    "a device": [{ name: "w/null", type: "character-device", devmajor: 1, devminor: 3 }],
    "a block device": [{ name: "w/disk", type: "block-device", devmajor: 8, devminor: 0 }],
    "a pipe": [{ name: "w/pipe", type: "fifo" }],
  }
  for (const [what, items] of Object.entries(hostile)) {
    it.scopedLive(`${what} is left out, and told`, () =>
      Effect.gen(function* () {
        const root = yield* tempDir
        writeFileSync(join(root, "secret"), "s")
        const { files, skipped } = yield* extract(
          archive(folder("w"), { name: "w/good", content: "good" }, ...items),
          join(root, "out"),
        )
        expect([files, skipped.length]).toEqual([1, 1])
        expect(readdirSync(root).toSorted()).toEqual(["out", "secret"])
        expect(readdirSync(join(root, "out"))).toEqual(["good"])
        expect(existsSync("/tmp/bot-bottle-escaped")).toBe(false)
      }),
    )
  }

  const deep = [folder("w/d"), folder("w/d/e"), folder("w/d/e/f")]
  const chain = (length: number) =>
    Array.from({ length }, (_, at) => link(`w/c${at}`, at === length - 1 ? "d" : `c${at + 1}`))
  /** What stays of each, beside the folders. */
  const chains: Readonly<Record<string, readonly [ReadonlyArray<Item>, ReadonlyArray<string>]>> = {
    "a link up through a link to a folder above": [
      [...deep, link("w/d/e/f/up", "../../.."), link("w/x", "d/e/f/up/../../secret")],
      ["d/e/f/up"],
    ],
    "three links, each within by itself": [
      [link("w/d/one", ".."), link("w/d/two", "one/../secret"), link("w/three", "d/two")],
      ["d/one"],
    ],
    "a link to itself and up": [[link("w/here", "."), link("w/x", "here/../secret")], ["here"]],
    "a link through what is made a link by another": [
      [link("w/a", "m/../secret"), link("w/m", "."), link("w/b", "m/m/m/..")],
      ["m"],
    ],
    "a dangling link through a link": [[...deep, link("w/l", "d"), link("w/x", "l/../../not-there")], ["l"]],
    "a way out and in again": [[link("w/x", "../out/d"), link("w/y", "d/../../out")], []],
    "an absolute link behind a link": [[link("w/abs", "/etc"), link("w/x", "abs/passwd")], []],
    "a name that another file system takes for a link": [
      [link("w/HERE", "."), link("w/x", "here/../secret")],
      ["HERE"],
    ],
    "links in a circle": [[link("w/a", "b/x"), link("w/b", "a"), link("w/self", "self")], []],
    "more links than a kernel follows": [
      [...deep, ...chain(45)],
      Array.from({ length: 40 }, (_, at) => `c${at + 5}`),
    ],
    "links that stay within": [
      [
        ...deep,
        link("w/l", "d/e"),
        link("w/x", "l/../e/f"),
        link("w/d/y", "../l/./f/../.."),
        link("w/z", "l//f/"),
      ],
      ["l", "x", "d/y", "z"],
    ],
  }
  it.scopedLive.each(Object.entries(chains))(
    "links lead nowhere outside, in any order: %s",
    ([, [items, kept]]) =>
      Effect.gen(function* () {
        const root = yield* tempDir
        writeFileSync(join(root, "secret"), "s")
        const folders = items.filter(({ type }) => type === "directory")
        const others = items.filter(({ type }) => type !== "directory")
        const all = others.length > 5 ? [others, others.toReversed()] : orders(others)
        for (const [at, ordered] of all.entries()) {
          const out = join(root, `out${at === 0 ? "" : at}`)
          const { skipped } = yield* extract(archive(folder("w"), folder("w/d"), ...folders, ...ordered), out)
          expect(leadingOut(out)).toEqual([])
          expect(linksIn(out).toSorted()).toEqual(kept.toSorted())
          expect(skipped.length).toBe(others.length - kept.length)
        }
      }),
  )

  it.scopedLive(
    "a folder is not replaced by a link, nor a link by a folder, in whatever order they come",
    () =>
      Effect.gen(function* () {
        const root = yield* tempDir
        mkdirSync(join(root, "outside"))
        const clash = [folder("w/a"), link("w/a", "."), { name: "w/a/file", content: "x" }]
        for (const items of orders(clash)) {
          const tried = yield* Effect.either(extract(archive(folder("w"), ...items), join(root, "out")))
          expect(tried._tag).toBe("Left")
          expect(readdirSync(root)).toEqual(["outside"])
        }
      }),
  )

  it.scopedLive("nothing is written through a link of the tar's own", () =>
    Effect.gen(function* () {
      const root = yield* tempDir
      mkdirSync(join(root, "outside"))
      const items = [folder("w"), link("w/in", "../outside"), { name: "w/in/file", content: "x" }]
      yield* extract(archive(...items), join(root, "out"))
      expect(readdirSync(join(root, "outside"))).toEqual([])
      expect(lstatSync(join(root, "out/in")).isDirectory()).toBe(true)
      const within = [
        folder("w"),
        folder("w/real"),
        link("w/in", "real"),
        { name: "w/in/file", content: "x" },
      ]
      expect(yield* Effect.flip(extract(archive(...within), join(root, "two")))).toMatchObject({
        _tag: "InvalidInput",
      })
      expect(existsSync(join(root, "two"))).toBe(false)
    }),
  )

  it.scopedLive("what exists is not overwritten, and a link in its place is not followed", () =>
    Effect.gen(function* () {
      const root = yield* tempDir
      writeFileSync(join(root, "a"), "mine")
      symlinkSync(join(root, "elsewhere"), join(root, "l"))
      const refused = (name: string) =>
        Effect.flip(extract(archive({ name: "a", content: "theirs" }), join(root, name)))
      expect((yield* refused("a")).message).toMatch(/exists: remove it/)
      expect((yield* refused("l")).message).toMatch(/exists: remove it/)
      expect((yield* refused(".")).message).toMatch(/exists: remove it/)
      expect(readFileSync(join(root, "a"), "utf8")).toBe("mine")
      expect(existsSync(join(root, "elsewhere"))).toBe(false)
    }),
  )

  it.scopedLive("one that is twice the same file, is cut off, or is none, leaves nothing", () =>
    Effect.gen(function* () {
      const root = yield* tempDir
      const out = join(root, "out")
      const twice = archive(folder("w"), { name: "w/a", content: "1" }, { name: "w/a", content: "2" })
      expect(yield* Effect.flip(extract(twice, out))).toMatchObject({ _tag: "InvalidInput" })
      const whole = yield* Stream.runCollect(
        archive(folder("w"), { name: "w/a", content: "x".repeat(100_000) }),
      )
      const half = Buffer.concat([...whole]).subarray(0, 50_000)
      expect(yield* Effect.flip(extract(Stream.make(half), out))).toMatchObject({ _tag: "InvalidInput" })
      expect(yield* Effect.flip(extract(Stream.make(Buffer.from("no tar".repeat(200))), out))).toMatchObject({
        _tag: "InvalidInput",
      })
      expect(yield* Effect.flip(extract(Stream.empty, out))).toMatchObject({ _tag: "InvalidInput" })
      const failing = Stream.concat(Stream.make(half), Stream.fail("engine gone"))
      expect(yield* Effect.flip(extract(failing, out))).toBe("engine gone")
      expect(readdirSync(root)).toEqual([])
    }),
  )
})
