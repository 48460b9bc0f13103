import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { bin } from "./support/cli.ts"
import { tempDir } from "./support/tempDir.ts"

/** The bin and its commands in a directory of their own, which nobody else runs. */
const installed = Effect.map(tempDir, (directory) => {
  for (const name of ["bot-bottle.cjs", "commands.main.cjs"])
    copyFileSync(join(dirname(bin), name), join(directory, name))
  return {
    directory,
    help: () =>
      execFileSync(process.execPath, [join(directory, "bot-bottle.cjs"), "--help"], { encoding: "utf8" }),
    others: () => readdirSync(directory).filter((name) => !name.endsWith(".cjs")),
  }
})

const TIMEOUT = 60_000

it.scoped(
  "the second run takes the compiled code of the first, and a broken one is put right",
  () =>
    Effect.gen(function* () {
      const { directory, help, others } = yield* installed
      const text = help()
      assert.include(text, "orchestrate")
      const [name = "", ...more] = others()
      assert.deepStrictEqual(more, [])
      const kept = join(directory, name)
      const first = statSync(kept)
      assert.strictEqual(help(), text)
      assert.strictEqual(statSync(kept).ino, first.ino)
      for (const broken of [Buffer.from("nonsense"), readFileSync(kept).subarray(0, first.size / 2)]) {
        writeFileSync(kept, broken)
        assert.strictEqual(help(), text)
        assert.isAbove(statSync(kept).size, first.size / 2 + 1)
        assert.deepStrictEqual(others(), [name])
      }
    }),
  TIMEOUT,
)

it.scoped(
  "a program runs where its compiled code cannot be kept",
  () =>
    Effect.gen(function* () {
      const { directory, help, others } = yield* installed
      const text = help()
      const [name = ""] = others()
      rmSync(join(directory, name))
      mkdirSync(join(directory, name))
      assert.strictEqual(help(), text)
      assert.deepStrictEqual(others(), [name])
    }),
  TIMEOUT,
)
