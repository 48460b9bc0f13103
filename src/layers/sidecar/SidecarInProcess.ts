/** SidecarInProcess serves the same necks within this process: for tests and for programs that keep running. */
import { Effect, ExecutionStrategy, Exit, Layer, Scope } from "effect"
import { Forges } from "../../services/Forges.ts"
import { Sidecar } from "../../services/Sidecar.ts"
import * as GiteaForges from "../gitea/GiteaForges.ts"
import { Home } from "../home/Home.ts"
import { type SidecarTimes, serve } from "../../sidecar/serve.ts"
import type { SidecarDocument } from "../../sidecar/SidecarDocument.ts"
import * as Machine from "./machine.ts"
import { makeService } from "./SidecarService.ts"

/** Sidecars within this process, with other times, over the kinds of forge that are provided; they end with the layer at the latest. */
export const layerWith = (times: SidecarTimes): Layer.Layer<Sidecar, never, Forges> =>
  Layer.scoped(
    Sidecar,
    Effect.gen(function* () {
      const home = yield* Home
      const forges = yield* Forges
      const all = yield* Effect.scope
      const start = Effect.fn("SidecarInProcess.start")(function* (document: SidecarDocument) {
        const scope = yield* Scope.fork(all, ExecutionStrategy.sequential)
        const { ended } = yield* serve(document, times).pipe(
          Effect.provideService(Forges, forges),
          Effect.provide(Machine.layer),
          Scope.extend(scope),
          Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
        )
        yield* Effect.forkIn(Effect.zipRight(ended, Scope.close(scope, Exit.void)), all)
      })
      return makeService(home, start, forges)
    }),
  )

/** Sidecars within this process, over Gitea. */
export const layer: Layer.Layer<Sidecar> = Layer.provide(layerWith({}), GiteaForges.layer)
