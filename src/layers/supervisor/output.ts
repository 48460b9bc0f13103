/**
 * Output of an agent that a detached supervisor owns: it writes two files, which are followed from their beginning until the supervisor
 * ends.
 */
import { Effect, Option, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { appendFileSync, closeSync, existsSync, openSync, readSync, renameSync, rmSync } from "node:fs"
import type { BackendFailure } from "../../domain/Errors.ts"
import type { OutputChunk } from "../../services/ProcessRunner.ts"
import { cutOutput } from "../bottle/cutOutput.ts"
import { keptOutput } from "../bottle/keptOutput.ts"
import type { Control } from "./control.ts"
import { failure, onFiles, reasonOf, supervisorLives } from "./control.ts"

const PIECE = 64 * 1024
const LOOK_INTERVAL = "30 millis"

/** Both streams separately, from the beginning to the end of the run, cut at the run's limit. */
export const followOutput = (control: Control): Stream.Stream<OutputChunk, BackendFailure> =>
  Stream.merge(follow(control, "stdout", control.stdout), follow(control, "stderr", control.stderr)).pipe(
    cutOutput(control.slug, control.outputLimit),
  )

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

/** Writes what is read beside the stored output, and replaces it when everything was read and no other reader stored it before. */
export const keepOutput =
  (control: Control, run: number) =>
  (output: Stream.Stream<OutputChunk, BackendFailure>): Stream.Stream<OutputChunk, BackendFailure> => {
    const file = control.output(run)
    const part = `${file}.${randomUUID()}.part`
    return output.pipe(
      Stream.tap(({ bytes }) =>
        onFiles(control, "keep output", () => appendFileSync(part, bytes, { mode: 0o600 })),
      ),
      Stream.concat(
        Stream.execute(
          onFiles(control, "keep output", () => {
            if (existsSync(part) && !existsSync(file)) renameSync(part, file)
          }),
        ),
      ),
      Stream.ensuring(Effect.ignore(Effect.try(() => rmSync(part, { force: true })))),
    )
  }

/** The stored output of a run. */
export const keptOf = (control: Control, run: number): Stream.Stream<Uint8Array, BackendFailure> =>
  keptOutput(control.output(run), (cause) => failure(control, "read output", reasonOf(cause), cause))

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
const written = (control: Control): Stream.Stream<OutputChunk, BackendFailure> =>
  Stream.concat(soFar(control, "stdout", control.stdout), soFar(control, "stderr", control.stderr)).pipe(
    cutOutput(control.slug, control.outputLimit),
  )

/** The size of what has been written so far. */
export const snapshot = (control: Control): Stream.Stream<Uint8Array, BackendFailure> =>
  Stream.map(written(control), ({ bytes }) => bytes)

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
