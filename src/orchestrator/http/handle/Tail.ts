/** Tail has the newest entries of the history, read and encoded once for all viewers. */
import { Chunk, Context, Deferred, Effect, Layer, Option, Schedule, Schema, Stream } from "effect"
import type { DurationInput } from "effect/Duration"
import type { StateStoreError } from "../../../domain/Errors.ts"
import { HistoryEntry } from "../../../domain/orchestrator/History.ts"
import { History } from "../../../services/History.ts"
import { textOf } from "./streams.ts"

/** So many entries are held, and so many are read at once for a viewer that is behind them. */
const PAGE = 100

/** An entry as it is sent. */
interface Line {
  readonly seq: number
  readonly text: string
}

/** Entries without a gap. */
interface Held {
  /** Entries with a greater number are held. */
  readonly after: number
  /** Number of the newest one; `after` when none is held. */
  readonly newest: number
  readonly lines: ReadonlyArray<Line>
}

const encode = Schema.encodeSync(HistoryEntry)
const lineOf = (entry: HistoryEntry): Line => ({
  seq: entry.seq,
  text: textOf({ id: entry.seq, data: encode(entry) }),
})

/** Tail has the newest entries of the history. */
export class Tail extends Context.Tag("bot-bottle/Tail")<
  Tail,
  {
    /** Entries after this number as events of a stream, oldest first, and those that are stored from then on. */
    readonly after: (seq: number) => Stream.Stream<string, StateStoreError>
  }
>() {
  /** `poll`: how often it is looked whether something was stored, while anybody views. */
  static readonly layer = (poll: DurationInput) => Layer.scoped(Tail, make(poll))
}

const make = Effect.fnUntraced(function* (poll: DurationInput) {
  const history = yield* History
  let viewers = 0
  // Nothing is held before the first look.
  let held: Held = { after: Number.MAX_SAFE_INTEGER, newest: -Infinity, lines: [] }
  let changed = yield* Deferred.make<void>()

  const hold = (next: Held) =>
    Effect.gen(function* () {
      const told = changed
      held = next
      changed = yield* Deferred.make<void>()
      yield* Deferred.succeed(told, undefined)
    })

  const look = Effect.gen(function* () {
    const newest = yield* history.newest
    if (newest === held.newest) return
    // Whoever is further behind reads by pages.
    if (newest < held.newest || newest - held.newest > PAGE)
      return yield* hold({ after: newest, newest, lines: [] })
    const found = yield* history.all({ limit: PAGE, after: { seq: held.newest } })
    const lines = [...held.lines, ...found.map(lineOf)]
    const kept = lines.slice(-PAGE)
    const dropped = lines.at(-PAGE - 1)
    yield* hold({
      after: dropped?.seq ?? held.after,
      newest: kept.at(-1)?.seq ?? newest,
      lines: kept,
    })
  })
  yield* look.pipe(
    Effect.catchAll((error) => Effect.logWarning(`the newest events cannot be read: ${error.message}`)),
    Effect.when(() => viewers > 0),
    Effect.repeat(Schedule.spaced(poll)),
    Effect.forkScoped,
  )

  /** At least one line after a number. */
  const next = (seq: number): Effect.Effect<ReadonlyArray<Line>, StateStoreError> =>
    Effect.gen(function* () {
      const change = changed
      const lines =
        seq < held.after
          ? (yield* history.all({ limit: PAGE, after: { seq } })).map(lineOf)
          : held.lines.filter((line) => line.seq > seq)
      if (lines.length > 0) return lines
      yield* Deferred.await(change)
      return yield* next(seq)
    })

  const viewing = Effect.acquireRelease(
    Effect.sync(() => void (viewers += 1)),
    () => Effect.sync(() => void (viewers -= 1)),
  )
  return Tail.of({
    after: (start) =>
      Stream.unwrapScoped(
        Effect.as(
          viewing,
          Stream.unfoldChunkEffect(start, (seq) =>
            Effect.map(next(seq), (lines) =>
              Option.some([
                Chunk.fromIterable(lines.map(({ text }) => text)),
                lines.at(-1)?.seq ?? seq,
              ] as const),
            ),
          ),
        ),
      ),
  })
})
