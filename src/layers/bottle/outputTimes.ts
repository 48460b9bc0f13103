/**
 * When the parts of an output were written. A file beside the stored output has at most one mark for each second; what is read later
 * than it was written gets its time from those who saw it: an engine, or a supervisor.
 */
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Effect, Stream } from "effect"
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs"
import type { OutputChunk } from "../../services/ProcessRunner.ts"

const NEWLINE = 10

/** The file with the times of a stored output. `destroy` removes it by its name. */
export const timesFile = (output: string): string => `${output}.times`

/**
 * Returns the mark that a chunk of a stored output needs, or `""`. A mark has the offset of the line that the chunk goes on with, and
 * the second in which it came.
 */
export const marking = (): ((chunk: OutputChunk) => string) => {
  let size = 0
  let line = 0
  let marked = -1
  return ({ bytes, at }) => {
    if (bytes.length === 0) return ""
    const second = Math.floor(at / 1000)
    const mark = second === marked ? "" : `${line} ${second}\n`
    marked = second
    const newline = bytes.lastIndexOf(NEWLINE)
    if (newline >= 0) line = size + newline + 1
    size += bytes.length
    return mark
  }
}

/** A part of a file; `end` is the offset behind its last byte. */
interface Range {
  readonly start: number
  readonly end: number
}

/** The parts of a stored output that may have been written since a time, in milliseconds since the epoch. */
const rangesSince = (file: string, since: number): ReadonlyArray<Range> => {
  const { size, mtimeMs } = statSync(file)
  // Earlier versions stored no times.
  const text = existsSync(timesFile(file))
    ? readFileSync(timesFile(file), "utf8")
    : `0 ${Math.floor(mtimeMs / 1000)}\n`
  const marks = [...text.matchAll(/^(\d+) (\d+)$/gm)].map(([, start, second]) => ({
    start: Number(start),
    until: (Number(second) + 1) * 1000,
  }))
  return marks.flatMap(({ start, until }, at) => {
    const end = marks[at + 1]?.start ?? size
    return until > since && end > start ? [{ start, end }] : []
  })
}

/** The bytes of a stored output, chunk by chunk because it may be larger than the memory. `failure` converts node's error. */
export const keptOutput = <E>(
  file: string,
  since: number | undefined,
  failure: (cause: unknown) => E,
): Stream.Stream<Uint8Array, E> =>
  since === undefined
    ? NodeStream.fromReadable<E, Uint8Array>(() => createReadStream(file), failure)
    : Stream.fromIterableEffect(Effect.try({ try: () => rangesSince(file, since), catch: failure })).pipe(
        Stream.flatMap(({ start, end }) =>
          NodeStream.fromReadable<E, Uint8Array>(
            () => createReadStream(file, { start, end: end - 1 }),
            failure,
          ),
        ),
      )

/** A longer line is cut at its beginning. */
const LINE_MAX = 64 * 1024

/** The bytes of an output that were written since a time, from the beginning of a line. */
export const writtenSince =
  (since: number | undefined) =>
  <E>(output: Stream.Stream<OutputChunk, E>): Stream.Stream<Uint8Array, E> =>
    since === undefined
      ? Stream.map(output, ({ bytes }) => bytes)
      : Stream.mapAccum(output, Buffer.alloc(0), (begun, { bytes, at }) => {
          if (bytes.length === 0) return [begun, bytes]
          if (at >= since) return [Buffer.alloc(0), Buffer.concat([begun, bytes])]
          const line = Buffer.concat([begun, bytes.subarray(-LINE_MAX)])
          return [line.subarray(line.lastIndexOf(NEWLINE) + 1).subarray(-LINE_MAX), new Uint8Array()]
        }).pipe(Stream.filter(({ length }) => length > 0))

/** What is below `upTo`, in bytes or lines, was written by `at` (milliseconds since the epoch). */
export interface WrittenBy {
  readonly upTo: number
  readonly at: number
}

/** What is known of both streams of an output, in order. */
export type KnownTimes = Readonly<Record<OutputChunk["stream"], ReadonlyArray<WrittenBy>>>

/** Gives chunks that are read from their beginning the times at which they were written, as far as these are known. */
export const dated =
  (known: KnownTimes, unit: keyof typeof TAKE) =>
  <E>(output: Stream.Stream<OutputChunk, E>): Stream.Stream<OutputChunk, E> =>
    Stream.suspend(() => {
      const splits = { stdout: splitting(known.stdout, unit), stderr: splitting(known.stderr, unit) }
      return Stream.mapConcat(output, (chunk) => splits[chunk.stream](chunk))
    })

const splitting = (known: ReadonlyArray<WrittenBy>, unit: keyof typeof TAKE) => {
  let next = 0
  let done = 0
  return (chunk: OutputChunk): ReadonlyArray<OutputChunk> => {
    const parts: Array<OutputChunk> = []
    let rest = chunk.bytes
    for (let mark = known[next]; mark !== undefined && rest.length > 0; mark = known[next]) {
      const { length, units } = TAKE[unit](rest, mark.upTo - done)
      if (length > 0) parts.push({ ...chunk, bytes: rest.subarray(0, length), at: mark.at })
      rest = rest.subarray(length)
      done += units
      if (done >= mark.upTo) next++
    }
    return rest.length > 0 || parts.length === 0 ? [...parts, { ...chunk, bytes: rest }] : parts
  }
}

/** How many bytes the first `most` units are, and how many of the units are whole. */
const TAKE = {
  bytes: (bytes: Uint8Array, most: number) => {
    const length = Math.max(0, Math.min(most, bytes.length))
    return { length, units: length }
  },
  lines: (bytes: Uint8Array, most: number) => {
    let length = 0
    for (let units = 0; units < most; units++) {
      const newline = bytes.indexOf(NEWLINE, length)
      if (newline < 0) return { length: bytes.length, units }
      length = newline + 1
    }
    return { length, units: most }
  },
}
