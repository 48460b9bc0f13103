/**
 * Output of an agent that a detached supervisor owns: it writes two files, which are followed from their beginning until the supervisor
 * ends.
 */
import { Effect, Option, Stream } from "effect"
import { randomUUID } from "node:crypto"
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs"
import type { BackendFailure } from "../../domain/Errors.ts"
import type { OutputChunk } from "../../services/ProcessRunner.ts"
import { cutOutput } from "../bottle/cutOutput.ts"
import type { KnownTimes, WrittenBy } from "../bottle/outputTimes.ts"
import { dated, keptOutput, marking, timesFile } from "../bottle/outputTimes.ts"
import type { Control } from "./control.ts"
import { failure, onFiles, reasonOf, supervisorLives } from "./control.ts"

const PIECE = 64 * 1024
const LOOK_INTERVAL = "30 millis"

/** Both streams separately, from the beginning to the end of the run, cut at the run's limit. */
export const followOutput = (control: Control): Stream.Stream<OutputChunk, BackendFailure> =>
  Stream.merge(follow(control, "stdout", control.stdout), follow(control, "stderr", control.stderr)).pipe(
    withTimes(control),
    cutOutput(control.slug, control.outputLimit),
  )

/** What was written before it is read has the time at which the supervisor saw it, or else that of the file's last change. */
const withTimes =
  (control: Control) =>
  (output: Stream.Stream<OutputChunk, BackendFailure>): Stream.Stream<OutputChunk, BackendFailure> =>
    Stream.unwrap(
      Effect.map(
        onFiles(control, "read output", () => knownTimes(control)),
        (known) => dated(known, "bytes")(output),
      ),
    )

const knownTimes = (control: Control): KnownTimes => {
  const text = existsSync(control.times) ? readFileSync(control.times, "utf8") : ""
  const sizes = [...text.matchAll(/^(\d+) (\d+) (\d+)$/gm)].map((found) => found.map(Number))
  const of = (file: string, column: 2 | 3): ReadonlyArray<WrittenBy> => {
    if (!existsSync(file)) return []
    const { size, mtimeMs } = statSync(file)
    const seen = sizes.map((row): WrittenBy => ({
      upTo: row[column] ?? 0,
      at: Math.min(((row[1] ?? 0) + 1) * 1000, mtimeMs),
    }))
    return [...seen.filter(({ upTo }) => upTo < size), { upTo: size, at: mtimeMs }]
  }
  return { stdout: of(control.stdout, 2), stderr: of(control.stderr, 3) }
}

const follow = (
  control: Control,
  stream: OutputChunk["stream"],
  file: string,
): Stream.Stream<OutputChunk, BackendFailure> =>
  Stream.unfoldEffect(0, (offset) => nextPiece(control, file, offset)).pipe(
    Stream.map((bytes): OutputChunk => ({ stream, bytes, at: Date.now() })),
  )

/** Checked before the file is read: everything written before the end is read after the check. */
const nextPiece: (
  control: Control,
  file: string,
  offset: number,
) => Effect.Effect<Option.Option<readonly [Uint8Array, number]>, BackendFailure> = Effect.fnUntraced(
  function* (control, file, offset) {
    while (true) {
      const ended = existsSync(control.exit) || !(yield* supervisorLives(control))
      const bytes = yield* onFiles(control, "read output", () => readAt(file, offset))
      if (bytes.length > 0) return Option.some([bytes, offset + bytes.length] as const)
      if (ended) return Option.none()
      yield* Effect.sleep(LOOK_INTERVAL)
    }
  },
)

const readAt = (file: string, offset: number): Uint8Array => {
  if (!existsSync(file)) return new Uint8Array()
  const fd = openSync(file, "r")
  const piece = Buffer.allocUnsafe(PIECE)
  const size = readSync(fd, piece, 0, PIECE, offset)
  closeSync(fd)
  return piece.subarray(0, size)
}

/** Writes what is read, and its times, beside the stored output, and replaces it when everything was read and no other reader stored it before. */
export const keepOutput =
  (control: Control, run: number) =>
  (output: Stream.Stream<OutputChunk, BackendFailure>): Stream.Stream<OutputChunk, BackendFailure> => {
    const file = control.output(run)
    const part = `${file}.${randomUUID()}.part`
    const times = timesFile(part)
    const markOf = marking()
    return output.pipe(
      Stream.tap((chunk) =>
        onFiles(control, "keep output", () => {
          const mark = markOf(chunk)
          if (mark !== "") appendFileSync(times, mark, { mode: 0o600 })
          appendFileSync(part, chunk.bytes, { mode: 0o600 })
        }),
      ),
      Stream.concat(
        Stream.execute(
          onFiles(control, "keep output", () => {
            if (!existsSync(part) || existsSync(file)) return
            if (existsSync(times)) renameSync(times, timesFile(file))
            renameSync(part, file)
          }),
        ),
      ),
      Stream.ensuring(
        Effect.ignore(
          Effect.try(() => {
            for (const path of [part, times]) rmSync(path, { force: true })
          }),
        ),
      ),
    )
  }

/** The stored output of a run; what was written since a time, if one is given. */
export const keptOf = (
  control: Control,
  run: number,
  since?: number,
): Stream.Stream<Uint8Array, BackendFailure> =>
  keptOutput(control.output(run), since, (cause) => failure(control, "read output", reasonOf(cause), cause))

/** Output that nobody read would be lost with the box: stores both streams, one after the other. */
export const harvest = (control: Control, run: number): Effect.Effect<void, BackendFailure> =>
  Effect.suspend(() =>
    existsSync(control.output(run))
      ? Effect.void
      : Stream.runDrain(keepOutput(control, run)(Stream.concat(written(control), EMPTY))),
  )

/** Makes a file for an empty output. */
const EMPTY: Stream.Stream<OutputChunk> = Stream.sync(() => ({
  stream: "stdout",
  bytes: new Uint8Array(),
  at: Date.now(),
}))

/** What has been written so far: both streams, one after the other, cut at the run's limit. */
export const written = (control: Control): Stream.Stream<OutputChunk, BackendFailure> =>
  Stream.concat(soFar(control, "stdout", control.stdout), soFar(control, "stderr", control.stderr)).pipe(
    withTimes(control),
    cutOutput(control.slug, control.outputLimit),
  )

const soFar = (
  control: Control,
  stream: OutputChunk["stream"],
  file: string,
): Stream.Stream<OutputChunk, BackendFailure> =>
  Stream.unfoldEffect(0, (offset) =>
    Effect.map(
      onFiles(control, "read output", () => readAt(file, offset)),
      (bytes) => (bytes.length === 0 ? Option.none() : Option.some([bytes, offset + bytes.length] as const)),
    ),
  ).pipe(Stream.map((bytes): OutputChunk => ({ stream, bytes, at: Date.now() })))
