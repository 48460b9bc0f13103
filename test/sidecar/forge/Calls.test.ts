import { describe, expect, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { type CallSpec, makeCall } from "../../../src/sidecar/forge/Calls.ts"
import type { OperationEntry } from "../../../src/sidecar/record/OperationChain.ts"
import { type CallLog, LogUnwritable } from "../../../src/sidecar/record/OperationLog.ts"

const Params = Schema.Struct({ number: Schema.Number })

/** A log whose disk is full from the given line on. */
const logFullAt = (full: number) => {
  const entries: Array<OperationEntry> = []
  const log: CallLog = {
    append: (entry) =>
      Effect.suspend(() =>
        entries.length + 1 >= full
          ? new LogUnwritable({ cause: "full" })
          : Effect.sync(() => entries.push(entry)),
      ),
    sync: Effect.void,
  }
  return { log, entries }
}

const writing = (
  done: Array<number>,
  more: Partial<CallSpec<typeof Params.Type, number>> = {},
): CallSpec<typeof Params.Type, number> => ({
  name: "write",
  params: Params,
  success: Schema.Number,
  show: String,
  target: ({ number }) => `#${number}`,
  writes: true,
  guard: () => Effect.void,
  run: ({ number }) =>
    Effect.sync(() => {
      done.push(number)
      return { answer: number, detail: `wrote #${number}` }
    }),
  ...more,
})

describe("a call whose line cannot be logged", () => {
  it.effect("does not write when its begin is not in the log", () =>
    Effect.gen(function* () {
      const done: Array<number> = []
      const call = makeCall(logFullAt(1).log, writing(done))
      expect(yield* Effect.flip(call.run({ number: 17 }))).toMatchObject({ kind: "internal" })
      expect(done).toEqual([])
    }),
  )

  it.effect("tells that it wrote when only its end is not in the log, so that nobody writes twice", () =>
    Effect.gen(function* () {
      const done: Array<number> = []
      const { log, entries } = logFullAt(2)
      expect(yield* makeCall(log, writing(done)).run({ number: 17 })).toBe(17)
      expect(entries).toMatchObject([{ phase: "begin" }])
    }),
  )

  it.effect("gives no answer to a read either", () =>
    Effect.gen(function* () {
      const call = makeCall(logFullAt(1).log, writing([], { writes: false }))
      expect(yield* Effect.flip(call.run({ number: 17 }))).toMatchObject({ kind: "internal" })
    }),
  )
})

describe("a call that breaks", () => {
  it.effect("is told as an internal error without its text, and logged as failed", () =>
    Effect.gen(function* () {
      const { log, entries } = logFullAt(99)
      for (const broken of [{ run: () => Effect.die("a secret") }, { guard: () => Effect.die("a secret") }]) {
        const failure = yield* Effect.flip(makeCall(log, writing([], broken)).run({ number: 17 }))
        expect(failure).toMatchObject({ kind: "internal", message: "internal error" })
      }
      expect(entries.map(({ phase, outcome }) => [phase, outcome])).toEqual([
        ["begin", "ok"],
        ["end", "failed"],
        [undefined, "failed"],
      ])
      expect(JSON.stringify(entries)).not.toContain("a secret")
    }),
  )
})
