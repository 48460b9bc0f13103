/** SidecarInProcess serves the same necks within this process: for tests and for programs that keep running. */
import { Effect, ExecutionStrategy, Exit, Layer, Scope } from "effect"
import { Sidecar } from "../../services/Sidecar.ts"
import { make as makeGitea } from "../gitea/GiteaForge.ts"
import { Home } from "../home/Home.ts"
import type { MakeForge } from "../../sidecar/SidecarDocument.ts"
import { type SidecarTimes, serve } from "../../sidecar/serve.ts"
import type { SidecarDocument } from "../../sidecar/SidecarDocument.ts"
import * as Machine from "./machine.ts"
import { makeService } from "./SidecarService.ts"

export type { ForgePart, MakeForge } from "../../sidecar/SidecarDocument.ts"
export type { SidecarTimes } from "../../sidecar/serve.ts"

/** How the sidecars of this process differ from the others. */
export interface InProcessOptions extends SidecarTimes {
  /** Makes the forge of a run; Gitea unless given. */
  readonly makeForge?: MakeForge
}

/** Sidecars within this process; they end with the layer at the latest. */
export const layerWith = (options: InProcessOptions): Layer.Layer<Sidecar> =>
  Layer.scoped(
    Sidecar,
    Effect.gen(function* () {
      const home = yield* Home
      const all = yield* Effect.scope
      const start = Effect.fn("SidecarInProcess.start")(function* (document: SidecarDocument) {
        const scope = yield* Scope.fork(all, ExecutionStrategy.sequential)
        const { ended } = yield* serve(document, options.makeForge ?? gitea, options).pipe(
          Effect.provide(Machine.layer),
          Scope.extend(scope),
          Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
        )
        yield* Effect.forkIn(Effect.zipRight(ended, Scope.close(scope, Exit.void)), all)
      })
      return makeService(home, start, options.makeForge ?? gitea)
    }),
  )

const gitea: MakeForge = (part) => makeGitea(part)

/** Sidecars within this process, over Gitea. */
export const layer: Layer.Layer<Sidecar> = layerWith({})
