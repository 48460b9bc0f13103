/** A program's stdout as bytes that only end when the program succeeded. */
import { Effect, Ref, Stream } from "effect"
import type { RunningProcess } from "../../services/ProcessRunner.ts"

/**
 * The stdout of a program. A partial output must not look complete: the stream fails with `refused` of its stderr when its exit code is
 * not 0.
 */
export const wholeOutput = <E>(
  child: RunningProcess,
  refused: (stderr: string) => E,
): Stream.Stream<Uint8Array, E> =>
  Stream.unwrap(
    Effect.map(Ref.make(""), (said) =>
      child.output.pipe(
        Stream.tap(({ stream, bytes }) =>
          stream === "stderr"
            ? Ref.update(said, (text) => text + Buffer.from(bytes).toString("utf8"))
            : Effect.void,
        ),
        Stream.filter(({ stream }) => stream === "stdout"),
        Stream.map(({ bytes }) => bytes),
        Stream.concat(
          Stream.execute(
            Effect.flatMap(child.exit, ({ exitCode }) =>
              exitCode === 0 ? Effect.void : Effect.flatMap(said, (stderr) => Effect.fail(refused(stderr))),
            ),
          ),
        ),
      ),
    ),
  )
