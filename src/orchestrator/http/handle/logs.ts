/** The operation log and the output of a bottle, by page and as they are written. Places are counted in bytes. */
import { Chunk, Effect, Option, Schema, Stream } from "effect"
import type { DurationInput } from "effect/Duration"
import { OperationLine } from "../../../domain/OperationLine.ts"
import { decodeStatement } from "../../../domain/Provenance.ts"
import type { Slug } from "../../../domain/Slug.ts"
import { statusesOf } from "../../../programs/listBottles.ts"
import { readLogs } from "../../../programs/readLogs.ts"
import { BottleStore } from "../../../services/BottleStore.ts"
import { OperationLogs } from "../../../services/OperationLogs.ts"
import { ProvenanceStore } from "../../../services/ProvenanceStore.ts"
import type { LogLine } from "../api/bottles.ts"
import { textOf } from "./streams.ts"
import { wholeLength } from "./utf8.ts"

const NEWLINE = 10
/** So much of a log is read for a page, in bytes. */
const READ_MAX = 4 * 1024 * 1024

const decodeLine = Schema.decodeUnknownOption(Schema.parseJson(OperationLine))

/** Complete lines from a place in bytes; a partial last line is left out. */
const linesFrom = (slug: Slug, from: number) =>
  Stream.unwrap(
    Effect.map(OperationLogs, ({ bytes }) => {
      let end = from
      let rest = Buffer.alloc(0)
      return Stream.mapConcat(bytes(slug, from), (piece): ReadonlyArray<LogLine> => {
        rest = Buffer.concat([rest, piece])
        const lines: Array<LogLine> = []
        for (let at = rest.indexOf(NEWLINE); at !== -1; at = rest.indexOf(NEWLINE)) {
          end += at + 1
          const text = rest.toString("utf8", 0, at)
          rest = rest.subarray(at + 1)
          if (text !== "") lines.push({ end, line: Option.getOrNull(decodeLine(text)) })
        }
        return lines
      })
    }),
  )

/** At most `limit` lines of a log from a place in bytes, up to another. */
export const logLines = (slug: Slug, from: number, to: number, limit: number) =>
  linesFrom(slug, from).pipe(
    Stream.takeWhile(({ end }) => end <= to && end - from <= READ_MAX),
    Stream.take(limit),
    Stream.runCollect,
    Effect.map(Chunk.toReadonlyArray),
  )

/** Where the lines of a run that has ended begin and end, by the statements about runs; none without its statement. */
export const partOfRun = Effect.fnUntraced(function* (slug: Slug, run: number) {
  const statements = yield* (yield* ProvenanceStore).of(slug)
  const endOf = (number: number) => {
    const found = statements.find((it) => it.run === number)
    return Option.map(
      found === undefined ? Option.none() : decodeStatement(found.payload),
      ({ predicate }) => predicate.log.bytes,
    )
  }
  const before = run === 1 ? Option.some(0) : endOf(run - 1)
  return Option.all([before, endOf(run)])
})

/** The lines of a log from a place in bytes, and those that are added until the agent ends. */
export const liveLog = (slug: Slug, from: number, poll: DurationInput) =>
  Stream.unfoldChunkEffect({ from, goesOn: true }, ({ from, goesOn }) =>
    goesOn
      ? Effect.gen(function* () {
          // Checked before the file is read, so that everything written before the end is shown.
          const next = yield* isAtWork(slug)
          const lines = yield* logLines(slug, from, Infinity, LIVE_PAGE)
          const last = lines.at(-1)
          if (last === undefined && next) yield* Effect.sleep(poll)
          const place = { from: last?.end ?? from, goesOn: next || lines.length === LIVE_PAGE }
          return Option.some([Chunk.fromIterable(lines), place] as const)
        })
      : Effect.succeedNone,
  ).pipe(Stream.map((line) => textOf({ id: line.end, data: line })))

/** So many lines are held for a viewer. */
const LIVE_PAGE = 200

/** States in which more lines may be added. */
const AT_WORK: ReadonlySet<string> = new Set(["created", "running", "unknown"])

const isAtWork = (slug: Slug) =>
  Effect.gen(function* () {
    const row = yield* (yield* BottleStore).get(slug)
    const [status] = yield* statusesOf(Option.toArray(row))
    return AT_WORK.has(status?.state ?? "gone")
  })

/** At most `limit` bytes of the output of a run from a place, cut where a character ends. */
export const outputPart = Effect.fnUntraced(function* (slug: Slug, run: number, from: number, limit: number) {
  const pieces = yield* withoutFirst(readLogs(slug, { run }), from).pipe(
    Stream.mapAccum(0, (size, piece) => [size + piece.length, { piece, before: size }]),
    Stream.takeWhile(({ before }) => before <= limit),
    Stream.map(({ piece }) => piece),
    Stream.runCollect,
  )
  const bytes = Buffer.concat(Chunk.toReadonlyArray(pieces))
  const isLast = bytes.length <= limit
  const part = isLast ? bytes : bytes.subarray(0, wholeLength(bytes.subarray(0, limit)))
  return { text: part.toString("utf8"), next: isLast ? null : from + part.length }
})

/** The output of a run from a place, and what is added until the agent ends. */
export const liveOutput = (slug: Slug, run: number, from: number) => {
  let end = from
  let rest = Buffer.alloc(0)
  const sent = (bytes: Buffer): ReadonlyArray<string> => {
    if (bytes.length === 0) return []
    end += bytes.length
    return [textOf({ id: end, data: { text: bytes.toString("utf8") } })]
  }
  return withoutFirst(readLogs(slug, { run, follow: true }), from).pipe(
    Stream.mapConcat((piece) => {
      const bytes = Buffer.concat([rest, piece])
      const whole = wholeLength(bytes)
      rest = bytes.subarray(whole)
      return sent(bytes.subarray(0, whole))
    }),
    Stream.concat(Stream.suspend(() => Stream.fromIterable(sent(rest)))),
  )
}

/** The bytes after the first `count`. */
const withoutFirst = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>, count: number) =>
  Stream.mapAccum(bytes, count, (left, piece) => [
    Math.max(0, left - piece.length),
    left === 0 ? piece : piece.subarray(Math.min(left, piece.length)),
  ]).pipe(Stream.filter((piece) => piece.length > 0))
