/** Files that are written whole and read within bounds, on a real file system. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createFile, namesIn, readBounded, replaceFile, textOf } from "../../src/files/files.ts"
import { tempDir } from "../support/tempDir.ts"

describe("a file", () => {
  it.scoped("is made by one of many, whole and private, and never over another's", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const path = join(directory, "one")
      const wins = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, index) => `text ${index}`),
        (text) => Effect.map(createFile(path, text), (isOurs) => (isOurs ? [text] : [])),
        { concurrency: "unbounded" },
      )
      expect(wins.flat()).toEqual([readFileSync(path, "utf8")])
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(readdirSync(directory)).toEqual(["one"])
    }),
  )

  it.scoped("is replaced as a whole, and a replacement that fails leaves nothing", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const path = join(directory, "one")
      yield* replaceFile(path, "old")
      yield* replaceFile(path, "new")
      expect(yield* textOf(path)).toBe("new")
      mkdirSync(join(directory, "folder"))
      expect((yield* Effect.flip(replaceFile(join(directory, "folder"), "text")))._tag).toBe("FileFailure")
      expect(yield* namesIn(directory)).toEqual(["folder", "one"])
    }),
  )

  it.scoped("that is not there is an empty text, and a folder that is not there has no names", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      expect(yield* textOf(join(directory, "none"))).toBe("")
      expect(yield* namesIn(join(directory, "none"))).toEqual([])
    }),
  )

  it.scoped("of somebody else is read when it is a regular one, not through a link, and not too large", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const at = (name: string) => join(directory, name)
      writeFileSync(at("small"), "12345")
      symlinkSync(at("small"), at("link"))
      execFileSync("mkfifo", [at("pipe")])
      const read = (name: string, max = 5) => readBounded(at(name), max)
      expect(yield* read("small")).toMatchObject({ kind: "Bytes", bytes: Buffer.from("12345") })
      expect(yield* read("small", 4)).toEqual({ kind: "TooLarge", size: 5 })
      expect(yield* read("pipe")).toEqual({ kind: "NotAFile" })
      expect(yield* read(".")).toEqual({ kind: "NotAFile" })
      expect((yield* Effect.flip(read("link"))).code).toBe("ELOOP")
      expect((yield* Effect.flip(read("none"))).code).toBe("ENOENT")
    }),
  )
})
