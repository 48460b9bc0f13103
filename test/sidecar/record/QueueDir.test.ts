import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { build } from "esbuild"
import { execFile } from "node:child_process"
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import type { QueueEvent } from "../../../src/domain/QueueEvent.ts"
import * as QueueDir from "../../../src/sidecar/record/QueueDir.ts"
import { tempDir } from "../../support/tempDir.ts"
import { Slug } from "../../../src/domain/Slug.ts"

const SLUG = Slug.make("x")

const opened = (number: number): QueueEvent => ({
  version: 1,
  slug: SLUG,
  at: "2026-11-20T08:00:00Z",
  kind: "pr-opened",
  number,
})

const queue = Effect.map(tempDir, (directory) => join(directory, "queue"))

describe("the queue", () => {
  it.scoped("gives events back in order, until they are settled", () =>
    Effect.gen(function* () {
      const directory = yield* queue
      expect(yield* QueueDir.events(directory, SLUG)).toEqual([])
      expect(yield* QueueDir.append(directory, opened(1))).toBe(1)
      expect(yield* QueueDir.append(directory, opened(2))).toBe(2)
      expect(yield* QueueDir.events(directory, SLUG)).toEqual([
        { number: 1, event: opened(1) },
        { number: 2, event: opened(2) },
      ])
      yield* QueueDir.settle(directory, SLUG, 1)
      yield* QueueDir.settle(directory, SLUG, 1)
      expect((yield* QueueDir.events(directory, SLUG)).map(({ number }) => number)).toEqual([2])
    }),
  )

  it.scoped("never uses a number twice, also when every file is gone", () =>
    Effect.gen(function* () {
      const directory = yield* queue
      yield* QueueDir.append(directory, opened(1))
      yield* QueueDir.append(directory, opened(2))
      yield* QueueDir.settle(directory, SLUG, 1)
      yield* QueueDir.settle(directory, SLUG, 2)
      expect(readdirSync(directory).filter((name) => name.endsWith(".json"))).toEqual([])
      expect(yield* QueueDir.append(directory, opened(3))).toBe(3)
    }),
  )

  it.scoped("moves what is no event to rejected, and goes on with the others", () =>
    Effect.gen(function* () {
      const directory = yield* queue
      mkdirSync(directory)
      const bad = [
        "",
        "{",
        '{"version":2}',
        JSON.stringify({ ...opened(1), extra: true }),
        "x".repeat(100_000),
      ]
      bad.forEach((text, index) => {
        writeFileSync(join(directory, `${String(index + 1).padStart(12, "0")}.json`), text)
      })
      expect(yield* QueueDir.append(directory, opened(7))).toBe(6)
      expect(yield* QueueDir.events(directory, SLUG)).toEqual([{ number: 6, event: opened(7) }])
      expect(readdirSync(join(directory, "rejected"))).toHaveLength(5)
      yield* QueueDir.settle(directory, SLUG, 6)
      expect(yield* QueueDir.append(directory, opened(8))).toBe(7)
    }),
  )

  it.live("loses nothing and doubles nothing when two processes write while one settles", () =>
    Effect.gen(function* () {
      const directory = yield* queue
      const script = join(directory, "..", "writer.mjs")
      yield* Effect.promise(() =>
        build({
          entryPoints: ["test/support/queueWriter.ts"],
          outfile: script,
          bundle: true,
          platform: "node",
          format: "esm",
          logLevel: "silent",
        }),
      )
      const write = Effect.promise(() => promisify(execFile)(process.execPath, [script, directory, "60"]))
      const seen: Array<number> = []
      const settleAll = Effect.gen(function* () {
        for (const { number } of yield* QueueDir.events(directory, SLUG)) {
          seen.push(number)
          yield* QueueDir.settle(directory, SLUG, number)
        }
      })
      const settler = yield* Effect.fork(Effect.forever(Effect.zipRight(settleAll, Effect.sleep(1))))
      const written = yield* Effect.all([write, write], { concurrency: 2 })
      yield* settleAll.pipe(Effect.ensuring(settler.interruptAsFork(settler.id())))
      yield* settleAll
      const numbers = written.flatMap(({ stdout }) => JSON.parse(stdout) as Array<number>)
      expect(new Set(numbers).size).toBe(120)
      expect([...new Set(seen)]).toEqual(numbers.toSorted((a, b) => a - b))
    }).pipe(Effect.scoped),
  )
})
