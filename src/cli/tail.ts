/** Finds the last lines of an output in constant memory. */
import { Effect, Stream } from "effect"

const NEWLINE = 10

/** The offset of the last `lines` lines of a stream of bytes. */
export const tailStart = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>, lines: number) =>
  Effect.suspend(() => {
    /** Offsets of the newest lines, oldest first; the last one may be empty. */
    const starts = [0]
    let size = 0
    return Effect.as(
      Stream.runForEach(bytes, (piece) =>
        Effect.sync(() => {
          for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, at + 1)) {
            starts.push(size + at + 1)
            if (starts.length > lines + 1) starts.shift()
          }
          size += piece.length
        }),
      ),
      starts,
    ).pipe(
      Effect.map((found) => {
        const whole = found.filter((start) => start < size)
        return lines <= 0 ? size : (whole.at(-lines) ?? whole[0] ?? 0)
      }),
    )
  })

/** A stream of bytes without its first `count`. */
export const withoutFirst = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  count: number,
): Stream.Stream<Uint8Array, E, R> =>
  count === 0
    ? bytes
    : Stream.mapAccum(
        bytes,
        count,
        (left, piece) => [Math.max(0, left - piece.length), piece.subarray(left)] as const,
      ).pipe(Stream.filter(({ length }) => length > 0))
