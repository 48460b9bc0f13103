/** Reads the stored output of a run chunk by chunk: it may be larger than the memory. */
import * as NodeStream from "@effect/platform-node/NodeStream"
import type { Stream } from "effect"
import { createReadStream } from "node:fs"

/** The bytes of a stored output. `failure` converts node's error. */
export const keptOutput = <E>(file: string, failure: (cause: unknown) => E): Stream.Stream<Uint8Array, E> =>
  NodeStream.fromReadable<E, Uint8Array>(() => createReadStream(file), failure)
