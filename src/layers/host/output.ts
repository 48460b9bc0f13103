/** Output of an agent of the host backend: its runner writes two files, which are followed from their beginning to the runner's end. */
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
  writeFileSync,
} from "node:fs"
import type { BackendFailure } from "../../domain/Errors.ts"
import type { OutputChunk } from "../../services/ProcessRunner.ts"
import type { BoxPaths } from "./box.ts"
import { onDisk, runnerLives } from "./box.ts"

const PIECE = 64 * 1024
const LOOK_INTERVAL = "30 millis"

/** Both streams from the beginning to the end of the run, apart. */
export const followOutput = (paths: BoxPaths, slug: string): Stream.Stream<OutputChunk, BackendFailure> =>
  Stream.merge(follow(paths, slug, "stdout", paths.stdout), follow(paths, slug, "stderr", paths.stderr))

const follow = (
  paths: BoxPaths,
  slug: string,
  stream: OutputChunk["stream"],
  file: string,
): Stream.Stream<OutputChunk, BackendFailure> =>
  Stream.unfoldEffect(0, (offset) => nextPiece(paths, slug, file, offset)).pipe(
    Stream.map((bytes): OutputChunk => ({ stream, bytes, at: Date.now() })),
  )

/** Asked before the file is read: what is written before the end is read after it. */
const nextPiece: (
  paths: BoxPaths,
  slug: string,
  file: string,
  offset: number,
) => Effect.Effect<Option.Option<readonly [Uint8Array, number]>, BackendFailure> = Effect.fnUntraced(
  function* (paths, slug, file, offset) {
    while (true) {
      const ended = existsSync(paths.exit) || !(yield* runnerLives(paths))
      const bytes = yield* onDisk("read output", slug, () => readAt(file, offset))
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

/** Writes what is read beside the kept output, which it becomes when all was read and nobody kept it before. */
export const keepOutput =
  (file: string, slug: string) =>
  (output: Stream.Stream<OutputChunk, BackendFailure>): Stream.Stream<OutputChunk, BackendFailure> => {
    const part = `${file}.${randomUUID()}.part`
    return output.pipe(
      Stream.tap(({ bytes }) =>
        onDisk("keep output", slug, () => appendFileSync(part, bytes, { mode: 0o600 })),
      ),
      Stream.concat(
        Stream.execute(
          onDisk("keep output", slug, () => {
            if (existsSync(part) && !existsSync(file)) renameSync(part, file)
          }),
        ),
      ),
      Stream.ensuring(Effect.ignore(Effect.try(() => rmSync(part, { force: true })))),
    )
  }

/** Output that nobody read would go with the box: its two streams one after the other. */
export const harvest = (paths: BoxPaths, slug: string, run: number) =>
  onDisk("keep output", slug, () => {
    const file = paths.output(run)
    if (!existsSync(file)) writeFileSync(file, snapshot(paths), { mode: 0o600 })
  })

/** What has been written so far. */
export const snapshot = (paths: BoxPaths): Buffer =>
  Buffer.concat([paths.stdout, paths.stderr].filter(existsSync).map((file) => readFileSync(file)))
