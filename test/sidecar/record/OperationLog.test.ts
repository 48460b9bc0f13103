import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc } from "effect"
import { appendFileSync, readFileSync, readdirSync, writeSync } from "node:fs"
import { join } from "node:path"
import {
  CHAIN_START,
  type OperationEntry,
  sealLine,
  verifyChain,
} from "../../../src/sidecar/record/OperationChain.ts"
import * as OperationLog from "../../../src/sidecar/record/OperationLog.ts"
import { tempDir } from "../../support/tempDir.ts"

const entry: OperationEntry = {
  op: "read_issue",
  target: "#17",
  outcome: "ok",
  durationMs: 1,
  detail: "read issue #17",
}

const linesOf = (path: string) =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")

const withLog = (path: string, entries: number, write?: OperationLog.Appender) =>
  Effect.scoped(
    Effect.gen(function* () {
      const log = yield* OperationLog.open(path, write)
      return yield* Effect.forEach(Array.from({ length: entries }), () => Effect.either(log.append(entry)))
    }),
  )

describe("the operation log", () => {
  it.scoped("goes on with its chain after it was closed", () =>
    Effect.gen(function* () {
      const path = join(yield* tempDir, "operations.jsonl")
      yield* withLog(path, 2)
      yield* withLog(path, 3)
      const verdict = verifyChain(linesOf(path))
      expect(verdict).toMatchObject({ ok: true, lines: 5, problems: [] })
      const first = JSON.parse(linesOf(path)[0] ?? "") as Record<string, unknown>
      expect(Object.keys(first).at(-1)).toBe("hash")
      expect(first["prev"]).toBe(CHAIN_START)
    }),
  )

  it.scoped("sets a torn last line aside and goes on", () =>
    Effect.gen(function* () {
      const directory = yield* tempDir
      const path = join(directory, "operations.jsonl")
      for (const torn of ['{"seq":3,"at":"20', "not a line of ours\n{", "\0\0\0\n"]) {
        yield* withLog(path, 2)
        appendFileSync(path, torn)
      }
      yield* withLog(path, 1)
      expect(verifyChain(linesOf(path))).toMatchObject({ ok: true, lines: 7 })
      const aside = readdirSync(directory).filter((name) => name.startsWith("operations.torn-"))
      expect(aside.toSorted()).toEqual(["operations.torn-1", "operations.torn-2", "operations.torn-3"])
      expect(readFileSync(join(directory, "operations.torn-2"), "utf8")).toBe("not a line of ours\n{")
    }),
  )

  it.scoped("finds the end of a log with a line longer than a chunk", () =>
    Effect.gen(function* () {
      const path = join(yield* tempDir, "operations.jsonl")
      const long = { ...entry, detail: "x".repeat(200_000) }
      yield* Effect.scoped(Effect.flatMap(OperationLog.open(path), (log) => log.append(long)))
      yield* withLog(path, 1)
      expect(verifyChain(linesOf(path))).toMatchObject({ ok: true, lines: 2 })
    }),
  )

  it.scoped(
    "writes lines that come together at once, in one chain, and a line that comes alone by itself",
    () =>
      Effect.gen(function* () {
        const path = join(yield* tempDir, "operations.jsonl")
        const writes: Array<number> = []
        const write: OperationLog.Appender = (fd, bytes) => {
          writes.push(bytes.length)
          return writeSync(fd, bytes)
        }
        yield* withLog(path, 10, write)
        expect(writes).toHaveLength(10)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const log = yield* OperationLog.open(path, write)
            const together = Effect.replicateEffect(log.append(entry), 100, { concurrency: "unbounded" })
            expect(yield* together).toEqual(Array.from({ length: 100 }, (_, index) => index + 11))
          }),
        )
        expect(writes.length).toBeLessThan(50)
        expect(verifyChain(linesOf(path))).toMatchObject({ ok: true, lines: 110, problems: [] })
      }),
  )

  it.scoped("refuses all lines of a write that failed, and goes on where the last whole one ended", () =>
    Effect.gen(function* () {
      const path = join(yield* tempDir, "operations.jsonl")
      let full = false
      const write: OperationLog.Appender = (fd, bytes) =>
        writeSync(fd, full ? bytes.subarray(0, bytes.length - 5) : bytes)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* OperationLog.open(path, write)
          const together = Effect.replicateEffect(Effect.either(log.append(entry)), 64, {
            concurrency: "unbounded",
          })
          yield* together
          full = true
          const refused = yield* together
          expect(refused.every(({ _tag }) => _tag === "Left")).toBe(true)
          full = false
          expect(yield* log.append(entry)).toBe(65)
        }),
      )
      expect(verifyChain(linesOf(path))).toMatchObject({ ok: true, lines: 65, problems: [] })
    }),
  )

  it.scoped("fails when the disk is full, leaves no half line, and goes on when there is room again", () =>
    Effect.gen(function* () {
      const path = join(yield* tempDir, "operations.jsonl")
      let call = 0
      const results = yield* withLog(path, 6, (fd, bytes) => {
        call += 1
        if (call === 2) return writeSync(fd, bytes.subarray(0, 20))
        if (call === 4) return writeSync(fd, bytes.subarray(0, 10)) && writeSync(-1, bytes)
        return writeSync(fd, bytes)
      })
      expect(results.map((result) => result._tag)).toEqual([
        "Right",
        "Left",
        "Right",
        "Left",
        "Right",
        "Right",
      ])
      expect(verifyChain(linesOf(path))).toMatchObject({ ok: true, lines: 4 })
    }),
  )

  it("is found out when any line is removed, changed, doubled or moved", () => {
    const chain = (length: number) => {
      let prev = CHAIN_START
      return Array.from({ length }, (_, index) => {
        const { line, hash } = sealLine(
          { ...entry, target: `#${index}` },
          { seq: index + 1, at: new Date(index).toISOString(), prev },
        )
        prev = hash
        return line
      })
    }
    const lines = chain(8)
    expect(verifyChain(lines).ok).toBe(true)
    fc.assert(
      fc.property(fc.nat(6), fc.nat(6), fc.nat(3), (at, other, kind) => {
        const damaged = [...lines]
        if (kind === 0) damaged.splice(at, 1)
        if (kind === 1) damaged[at] = (damaged[at] ?? "").replace('"outcome":"ok"', '"outcome":"failed"')
        if (kind === 2) damaged.splice(at, 0, damaged[other] ?? "")
        if (kind === 3) damaged.splice(at, 2, damaged[at + 1] ?? "", damaged[at] ?? "")
        expect(verifyChain(damaged).ok).toBe(false)
      }),
    )
  })

  it("is written as JSON.stringify would, whatever the texts are", () => {
    const text = fc.string({ unit: "binary" })
    fc.assert(
      fc.property(
        fc.record(
          { op: text, target: text, detail: text, reason: text, scanner: text, commits: fc.array(text) },
          { requiredKeys: ["op", "target", "detail"] },
        ),
        ({ op, target, detail, reason, scanner, commits }) => {
          const place = { seq: 7, at: "2026-01-01T00:00:00.000Z", prev: CHAIN_START }
          const more = {
            ...(reason !== undefined && { reason }),
            ...(scanner !== undefined && { scanner }),
            ...(commits !== undefined && { commits }),
          }
          const { line, hash } = sealLine(
            { op, target, detail, phase: "end", begin: 3, outcome: "failed", durationMs: 5, ...more },
            place,
          )
          const { seq, at, prev } = place
          expect(line).toBe(
            JSON.stringify({
              seq,
              at,
              op,
              target,
              phase: "end",
              begin: 3,
              outcome: "failed",
              reason,
              durationMs: 5,
              detail,
              commits,
              scanner,
              prev,
              hash,
            }),
          )
          expect(verifyChain([line]).problems.some(({ problem }) => problem.startsWith("was changed"))).toBe(
            false,
          )
        },
      ),
    )
  })

  it("is found out when an end has no begin", () => {
    const { line } = sealLine(
      { ...entry, phase: "end", begin: 1 },
      { seq: 1, at: "2026-01-01T00:00:00Z", prev: CHAIN_START },
    )
    expect(verifyChain([line]).problems).toEqual([
      { line: 1, problem: "ends an operation that never started" },
    ])
  })
})
