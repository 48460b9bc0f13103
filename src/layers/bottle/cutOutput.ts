/** Cuts the output of a run at its limit. What follows is read and dropped, so that the agent does not block. */
import { Effect, Ref, Stream } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { DEFAULT_OUTPUT_BYTES } from "../../domain/RunLimits.ts"
import type { OutputChunk } from "../../services/ProcessRunner.ts"

/** The last line of an output that was cut. */
export const cutLine = (bytes: number): string =>
  `\n[bot-bottle: the output was cut at ${bytes} bytes (limits.outputBytes); the agent continues]\n`

/** The file in a run directory with the run's limit, if its manifest sets one: a later reader of the output knows only the slug. */
export const outputLimitFile = (run: string): string => join(run, "output-bytes")

/** The limit of a run, in bytes, from its file. */
export const outputLimit = (file: string): Effect.Effect<number> =>
  Effect.try(() => Number(readFileSync(file, "utf8"))).pipe(
    Effect.filterOrFail((bytes) => bytes > 0),
    Effect.orElseSucceed(() => DEFAULT_OUTPUT_BYTES),
  )

/** Merges both streams of a run. Dropped output comes as empty chunks, because it is a sign of life. */
export const cutOutput =
  (slug: string, limitFile: string) =>
  <E>(output: Stream.Stream<OutputChunk, E>): Stream.Stream<OutputChunk, E> =>
    Stream.unwrap(
      Effect.map(Effect.all([outputLimit(limitFile), Ref.make(0)]), ([bytes, passed]) =>
        Stream.mapEffect(output, (chunk) => cutChunk(slug, bytes, passed, chunk)),
      ),
    )

const cutChunk = Effect.fnUntraced(function* (
  slug: string,
  most: number,
  passed: Ref.Ref<number>,
  chunk: OutputChunk,
) {
  const before = yield* Ref.getAndUpdate(passed, (sum) => sum + chunk.bytes.length)
  const left = most - before
  if (chunk.bytes.length <= left) return chunk
  if (left < 0) return { ...chunk, bytes: new Uint8Array() }
  yield* Effect.logWarning(
    `bottle "${slug}" reached its limit outputBytes (${most}): its output is cut, and the agent continues`,
  )
  return { ...chunk, bytes: Buffer.concat([chunk.bytes.subarray(0, left), Buffer.from(cutLine(most))]) }
})
