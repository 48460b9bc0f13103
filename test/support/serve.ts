/** A sidecar of this process, with this machine's processes and scanners. */
import { Effect, Layer } from "effect"
import * as Machine from "../../src/layers/sidecar/machine.ts"
import { serve as serveWith } from "../../src/sidecar/serve.ts"

/** `serve` of the sidecar, on this machine. What the machine runs ends with the scope. */
export const serve = (...given: Parameters<typeof serveWith>) =>
  Effect.flatMap(Layer.build(Machine.layer), (machine) => Effect.provide(serveWith(...given), machine))
