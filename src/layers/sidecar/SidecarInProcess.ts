/** SidecarInProcess serves the same necks within this process: for tests and for programs that keep running. */
import { Effect, Either, ExecutionStrategy, Exit, Layer, Scope } from "effect"
import { SidecarError } from "../../domain/Errors.ts"
import { NeckCommands } from "../../services/NeckCommands.ts"
import { Sidecar } from "../../services/Sidecar.ts"
import type { SidecarServices } from "../../services/SidecarServices.ts"
import { make as makeGitea } from "../gitea/GiteaForge.ts"
import { Home } from "../home/Home.ts"
import type { MakeForge } from "../../sidecar/SidecarDocument.ts"
import { type SidecarOptions, serve } from "../../sidecar/serve.ts"
import { type SidecarDocument, readDocument } from "../../sidecar/SidecarDocument.ts"
import * as Machine from "./machine.ts"
import * as Records from "./records.ts"
import { makeService } from "./SidecarService.ts"

export type { ForgePart, MakeForge } from "../../sidecar/SidecarDocument.ts"
export type { SidecarTimes } from "../../sidecar/SidecarSettings.ts"

/** How the sidecars of this process differ from the others. */
export interface InProcessOptions extends SidecarOptions {
  /** Makes the forge of a run; Gitea unless given. */
  readonly makeForge?: MakeForge
}

/**
 * Sidecars within this process, which end with the layer at the latest, and what they leave in the home on disk.
 * Assignments name the calls that are given.
 */
export const layerWith = (options: InProcessOptions): Layer.Layer<SidecarServices> => {
  const layer = Layer.merge(launcher(options), Records.layerWith(options.makeForge ?? gitea))
  return options.calls === undefined
    ? layer
    : Layer.merge(
        layer,
        Layer.succeed(
          NeckCommands,
          options.calls.map(({ usage }) => usage),
        ),
      )
}

const launcher = (options: InProcessOptions): Layer.Layer<Sidecar> =>
  Layer.scoped(
    Sidecar,
    Effect.gen(function* () {
      const home = yield* Home
      const all = yield* Effect.scope
      const start = Effect.fn("SidecarInProcess.start")(function* (document: SidecarDocument) {
        const served = yield* Either.mapLeft(
          readDocument(document),
          (reason) => new SidecarError({ slug: document.slug, operation: "launch", reason }),
        )
        const scope = yield* Scope.fork(all, ExecutionStrategy.sequential)
        const { ended } = yield* serve(served, options.makeForge ?? gitea, options).pipe(
          Effect.provide(Machine.layer),
          Scope.extend(scope),
          Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
        )
        yield* Effect.forkIn(Effect.zipRight(ended, Scope.close(scope, Exit.void)), all)
      })
      return makeService(home, start)
    }),
  )

const gitea: MakeForge = (part) => makeGitea(part)

/** Sidecars within this process, over Gitea. */
export const layer: Layer.Layer<SidecarServices> = layerWith({})
