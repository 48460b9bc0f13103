/** SidecarProcess launches each sidecar as a separate process that outlives this one. */
import { Effect, Layer } from "effect"
import type { CallUsage } from "../../domain/ForgeCommands.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { Forges } from "../../services/Forges.ts"
import { Secrets } from "../../services/Secrets.ts"
import { Sidecar } from "../../services/Sidecar.ts"
import type { SidecarServices } from "../../services/SidecarServices.ts"
import * as GiteaForges from "../gitea/GiteaForges.ts"
import { Home } from "../home/Home.ts"
import * as LiveSecrets from "../secrets/LiveSecrets.ts"
import { namedCalls } from "./namedCalls.ts"
import * as Records from "./records.ts"
import { otherProgram, ownProgram } from "./sidecarProgram.ts"
import { makeStarter, NODE_FLAGS } from "./starter.ts"
import { makeService } from "./SidecarService.ts"

/** The program that serves, and the extra calls that assignments list. */
export interface SidecarProcessOptions {
  /** Path of a bin that calls `run` of `bot-bottle/SidecarMain`; the package's own unless given. */
  readonly bin?: string
  /** The calls of that bin, which assignments list; the built-in calls unless given. */
  readonly calls?: ReadonlyArray<{ readonly usage: CallUsage }>
}

const launcher = (bin: string | undefined): Layer.Layer<Sidecar, never, ProcessRunner | Forges> =>
  Layer.scoped(
    Sidecar,
    Effect.gen(function* () {
      const home = yield* Home
      const starter = yield* makeStarter(
        yield* ProcessRunner,
        bin === undefined ? ownProgram(NODE_FLAGS) : otherProgram(bin),
      )
      return makeService(home, starter, yield* Forges, yield* Secrets)
    }),
  ).pipe(Layer.provide(LiveSecrets.layer))

/**
 * Sidecars as processes, and their files in the home. The provided kinds of forge are for this process, for example to revoke keys.
 * Your own bin decides which kinds its sidecars support.
 */
export const layerWith = ({
  bin,
  calls,
}: SidecarProcessOptions): Layer.Layer<SidecarServices, never, ProcessRunner | Forges> =>
  Layer.mergeAll(launcher(bin), Records.layer, namedCalls(calls))

/** The same with this package's bin, whose sidecars support Gitea. */
export const layerOver: Layer.Layer<SidecarServices, never, ProcessRunner | Forges> = layerWith({})

/** Sidecars as processes over Gitea, found again by their control sockets, and their files. */
export const layer: Layer.Layer<SidecarServices, never, ProcessRunner> = Layer.provide(
  layerOver,
  GiteaForges.layer,
)
