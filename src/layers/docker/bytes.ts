/** What a client of the engine writes, as bytes that end only when the client ended well. */
import { Effect, Ref, Stream } from "effect"
import type { BackendError } from "../../services/Backends.ts"
import type { Engine, Purpose } from "./engine.ts"

/** The stdout of a call. A half answer must not look like a whole one: the stream fails when the client does. */
export const bytesOf = (
  engine: Engine,
  purpose: Purpose,
  args: ReadonlyArray<string>,
): Stream.Stream<Uint8Array, BackendError> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const said = yield* Ref.make("")
      const client = yield* engine.stream(purpose, args)
      return client.output.pipe(
        Stream.tap(({ stream, bytes }) =>
          stream === "stderr"
            ? Ref.update(said, (text) => text + Buffer.from(bytes).toString("utf8"))
            : Effect.void,
        ),
        Stream.filter(({ stream }) => stream === "stdout"),
        Stream.map(({ bytes }) => bytes),
        Stream.concat(
          Stream.execute(
            Effect.gen(function* () {
              const { exitCode } = yield* client.exit
              if (exitCode !== 0) return yield* engine.refusal(purpose, yield* Ref.get(said))
            }),
          ),
        ),
      )
    }),
  )
