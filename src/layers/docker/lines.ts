/** Output of an engine client, line by line. */
import { Effect, Stream } from "effect"
import type { OutputChunk } from "../../services/ProcessRunner.ts"

/** Calls `tell` with each line of both streams, until they end. */
export const tellLines = <E, R>(
  output: Stream.Stream<OutputChunk, E>,
  tell: (line: string, stream: OutputChunk["stream"]) => Effect.Effect<void, never, R>,
): Effect.Effect<void, E, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      const [out, err] = yield* Stream.broadcast(output, 2, 64)
      const linesOf = (name: OutputChunk["stream"], chunks: typeof out) =>
        chunks.pipe(
          Stream.filter(({ stream }) => stream === name),
          Stream.map(({ bytes }) => bytes),
          Stream.decodeText(),
          Stream.splitLines,
          Stream.runForEach((line) => tell(line, name)),
        )
      yield* Effect.all([linesOf("stdout", out), linesOf("stderr", err)], { concurrency: "unbounded" })
    }),
  )
