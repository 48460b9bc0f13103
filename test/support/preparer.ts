/** Prepares a sidecar's process, tells so, and does nothing else until it is killed. */
import { Effect, Layer } from "effect"
import * as GiteaForges from "../../src/layers/gitea/GiteaForges.ts"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import * as SidecarProcess from "../../src/layers/sidecar/SidecarProcess.ts"
import { Sidecar } from "../../src/services/Sidecar.ts"

Effect.runFork(
  Effect.flatMap(Sidecar, ({ prepare }) => prepare).pipe(
    Effect.zipRight(Effect.sync(() => process.send?.("prepared"))),
    Effect.zipRight(Effect.never),
    Effect.provide(
      SidecarProcess.layerWith({ bin: "dist/bin/sidecar.cjs" }).pipe(
        Layer.provide([NodeProcessRunner.layer, GiteaForges.layer]),
      ),
    ),
  ),
)
