/** A sidecar of this process, with this machine's processes and scanners. */
import { Effect } from "effect"
import * as Machine from "../../src/layers/sidecar/machine.ts"
import { serve as serveWith } from "../../src/sidecar/serve.ts"

/** `serve` of the sidecar, on this machine. */
export const serve = (...given: Parameters<typeof serveWith>) =>
  Effect.provide(serveWith(...given), Machine.layer)
