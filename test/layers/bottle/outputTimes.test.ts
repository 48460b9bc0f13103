/** When the parts of an output were written. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { readFileSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  dated,
  keptOutput,
  marking,
  timesFile,
  writtenSince,
} from "../../../src/layers/bottle/outputTimes.ts"
import type { OutputChunk } from "../../../src/services/ProcessRunner.ts"
import { tempDir } from "../../support/tempDir.ts"

const chunk = (text: string, at: number, stream: OutputChunk["stream"] = "stdout"): OutputChunk => ({
  stream,
  bytes: Buffer.from(text),
  at,
})
const textOf = (bytes: Iterable<Uint8Array>) => Buffer.concat([...bytes]).toString("utf8")

/** A stored output, and what of it is shown since a time. */
const stored = Effect.fnUntraced(function* (...chunks: ReadonlyArray<OutputChunk>) {
  const file = join(yield* tempDir, "output-1.log")
  const mark = marking()
  writeFileSync(timesFile(file), chunks.map(mark).join(""))
  writeFileSync(file, Buffer.concat(chunks.map(({ bytes }) => bytes)))
  const since = (time?: number) =>
    Effect.map(Stream.runCollect(keptOutput(file, time, (cause) => cause)), textOf)
  return { file, since }
})

describe("times of a stored output", () => {
  it.scoped("are one mark for each second in which something came, at the beginning of a line", () =>
    Effect.gen(function* () {
      const { file, since } = yield* stored(
        chunk("one\n", 10_000),
        chunk("two\n", 10_900),
        chunk("", 11_500),
        chunk("three\nfo", 12_100),
        chunk("ur\nfive\n", 14_000),
      )
      expect(readFileSync(timesFile(file), "utf8")).toBe("0 10\n8 12\n14 14\n")
      expect(yield* since()).toBe("one\ntwo\nthree\nfour\nfive\n")
      expect(yield* since(10_950)).toBe("one\ntwo\nthree\nfour\nfive\n")
      expect(yield* since(11_000)).toBe("three\nfour\nfive\n")
      expect(yield* since(13_500)).toBe("four\nfive\n")
      expect(yield* since(15_000)).toBe("")
    }),
  )

  it.scoped("need not ascend: both streams may lie one after the other", () =>
    Effect.gen(function* () {
      const { since } = yield* stored(
        chunk("a\n", 10_000),
        chunk("b\n", 20_000),
        chunk("c\n", 11_000, "stderr"),
        chunk("d\n", 21_000, "stderr"),
      )
      expect(yield* since(20_500)).toBe("b\nd\n")
    }),
  )

  it.scoped("of an earlier version's output are when its file was last changed", () =>
    Effect.gen(function* () {
      const file = join(yield* tempDir, "output-1.log")
      writeFileSync(file, "old\n")
      utimesSync(file, 100, 100)
      const since = (time: number) =>
        Effect.map(Stream.runCollect(keptOutput(file, time, (cause) => cause)), textOf)
      expect(yield* since(100_500)).toBe("old\n")
      expect(yield* since(102_000)).toBe("")
    }),
  )
})

it.effect("output since a time begins with the line that was written on then, whole", () =>
  Effect.gen(function* () {
    const shown = (time: number | undefined, ...chunks: ReadonlyArray<OutputChunk>) =>
      Effect.map(Stream.runCollect(writtenSince(time)(Stream.fromIterable(chunks))), textOf)
    const chunks = [chunk("one\ntw", 1000), chunk("o", 2000), chunk("\nthree\n", 3000), chunk("four\n", 2500)]
    expect(yield* shown(undefined, ...chunks)).toBe("one\ntwo\nthree\nfour\n")
    expect(yield* shown(2600, ...chunks)).toBe("two\nthree\n")
    expect(yield* shown(3001, ...chunks)).toBe("")
    const long = yield* shown(2, chunk("x".repeat(1_000_000), 1), chunk("end", 2))
    expect(long.length).toBe(64 * 1024 + 3)
  }),
)

it.effect(
  "what is read late gets the times that are known of its bytes or lines, and the rest keeps its own",
  () =>
    Effect.gen(function* () {
      const read = (
        unit: "bytes" | "lines",
        known: Parameters<typeof dated>[0],
        ...chunks: Array<OutputChunk>
      ) =>
        Effect.map(Stream.runCollect(dated(known, unit)(Stream.fromIterable(chunks))), (parts) =>
          [...parts].map(({ bytes, at, stream }) => `${at} ${stream} ${JSON.stringify(textOf([bytes]))}`),
        )
      const known = {
        stdout: [
          { upTo: 3, at: 1 },
          { upTo: 3, at: 2 },
          { upTo: 5, at: 3 },
        ],
        stderr: [],
      }
      expect(yield* read("bytes", known, chunk("ab", 9), chunk("x", 9, "stderr"), chunk("cdefg", 9))).toEqual(
        ['1 stdout "ab"', '9 stderr "x"', '1 stdout "c"', '3 stdout "de"', '9 stdout "fg"'],
      )
      expect(
        yield* read("lines", known, chunk("1\n2\n3", 8), chunk("\n4\n5\n6\n", 9), chunk("", 10)),
      ).toEqual([
        '1 stdout "1\\n2\\n3"',
        '1 stdout "\\n"',
        '3 stdout "4\\n5\\n"',
        '9 stdout "6\\n"',
        '10 stdout ""',
      ])
    }),
)
