/** SidecarInProcess serves the same necks in this process: for tests, and for programs that keep running. */
import { Effect, Either, ExecutionStrategy, Exit, Layer, Scope } from "effect"
import { SidecarError } from "../../domain/Errors.ts"
import { Forges } from "../../services/Forges.ts"
import { Secrets } from "../../services/Secrets.ts"
import { Sidecar } from "../../services/Sidecar.ts"
import type { SidecarServices } from "../../services/SidecarServices.ts"
import * as GiteaForges from "../gitea/GiteaForges.ts"
import { Home } from "../home/Home.ts"
import { type SidecarNeeds, type SidecarOptions, serve } from "../../sidecar/serve.ts"
import { type SidecarDocument, readDocument } from "../../sidecar/SidecarDocument.ts"
import * as Machine from "./machine.ts"
import { namedCalls } from "./namedCalls.ts"
import * as Records from "./records.ts"
import { makeService } from "./SidecarService.ts"

export type { SidecarOptions } from "../../sidecar/serve.ts"
export type { ForgePart } from "../../sidecar/SidecarDocument.ts"
export { Settings, type SidecarTimes } from "../../sidecar/SidecarSettings.ts"

/**
 * Sidecars in this process, over the provided kinds of forge. They end with the layer at the latest. Also manages their files in the
 * home. Assignments list the given calls.
 */
export const layerWith = (options: SidecarOptions): Layer.Layer<SidecarServices, never, Forges> =>
  Layer.mergeAll(launcher(options), Records.layer, namedCalls(options.calls))

const launcher = (options: SidecarOptions): Layer.Layer<Sidecar, never, Forges> =>
  Layer.provide(launcherOn(options), Machine.layer)

const launcherOn = (options: SidecarOptions) =>
  Layer.scoped(
    Sidecar,
    Effect.gen(function* () {
      const home = yield* Home
      const forges = yield* Forges
      const machine = yield* Effect.context<Exclude<SidecarNeeds, Forges>>()
      const all = yield* Effect.scope
      const start = Effect.fn("SidecarInProcess.start")(function* (document: SidecarDocument) {
        const served = yield* Either.mapLeft(
          readDocument(document),
          (reason) => new SidecarError({ slug: document.slug, operation: "launch", reason }),
        )
        const scope = yield* Scope.fork(all, ExecutionStrategy.sequential)
        const { ended } = yield* serve(served, options).pipe(
          // First its scope: the context of this layer has one too.
          Scope.extend(scope),
          Effect.provideService(Forges, forges),
          Effect.provide(machine),
          Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
        )
        yield* Effect.forkIn(Effect.zipRight(ended, Scope.close(scope, Exit.void)), all)
      })
      return makeService(home, { prepare: Effect.void, start }, forges, yield* Secrets)
    }),
  )

/** Sidecars in this process, over Gitea. */
export const layer: Layer.Layer<SidecarServices> = Layer.provide(layerWith({}), GiteaForges.layer)
