/** Output of an engine client as bytes that only end when the client succeeded. */
import { Effect, Stream } from "effect"
import type { BackendError } from "../../services/Backends.ts"
import { wholeOutput } from "../process/wholeOutput.ts"
import type { Engine, Purpose } from "./engine.ts"

/** The stdout of a call. A partial output must not look complete: the stream fails when the client does. */
export const bytesOf = (
  engine: Engine,
  purpose: Purpose,
  args: ReadonlyArray<string>,
): Stream.Stream<Uint8Array, BackendError> =>
  Stream.unwrapScoped(
    Effect.map(engine.stream(purpose, args), (client) =>
      wholeOutput(client, (stderr) => engine.refusal(purpose, stderr)),
    ),
  )
