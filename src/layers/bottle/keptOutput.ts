/** The output of a run that was kept in a file, read piece by piece: it may be larger than the memory. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import type { Stream } from "effect"
import { createReadStream } from "node:fs"

/** The bytes of a kept output; `failure` makes an error of what node says. */
export const keptOutput = <E>(file: string, failure: (cause: unknown) => E): Stream.Stream<Uint8Array, E> =>
  NodeStream.fromReadable<E, Uint8Array>(() => createReadStream(file), failure)
