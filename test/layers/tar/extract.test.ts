import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
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
