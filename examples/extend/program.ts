/** A program with a forge, a backend and a call of its own: its layers, and one run on an issue of a village. */
import { destroy, orchestrateStart } from "bot-bottle"
import type { ForgeTarget, Forges, ProcessRunner, RunEvent, SidecarServices } from "bot-bottle"
import * as Backends from "bot-bottle/Backends"
import * as LiveProviders from "bot-bottle/LiveProviders"
import * as MemoryBottleStore from "bot-bottle/MemoryBottleStore"
import * as MemoryForgeStateStore from "bot-bottle/MemoryForgeStateStore"
import * as NodeProcessRunner from "bot-bottle/NodeProcessRunner"
import * as SidecarInProcess from "bot-bottle/SidecarInProcess"
import * as SidecarProcess from "bot-bottle/SidecarProcess"
import { MemoryManifests } from "bot-bottle/testing"
import { Effect, Layer } from "effect"
import { calls, forges } from "./parts.ts"
import { polite } from "./politeBackend.ts"

/** Sidecars within this process. */
export const sidecarsHere = SidecarInProcess.layerWith({ calls })

/** Sidecars as processes of that bin, which is `sidecar.ts` compiled or bundled. */
export const sidecarsOf = (bin: string) => SidecarProcess.layerWith({ bin, calls })

/** Everything that programs need, with one agent: a shell script. */
export const layers = (
  sidecars: Layer.Layer<SidecarServices, never, Forges | ProcessRunner>,
  script: string,
) =>
  Layer.mergeAll(
    Backends.layer({ polite }),
    MemoryManifests.layer({
      agents: { mason: { bottle: "hut", command: ["sh", "-c", script] } },
      bottles: { hut: { backend: "polite" } },
    }),
    MemoryBottleStore.layer,
    MemoryForgeStateStore.layer,
    LiveProviders.layer,
    sidecars,
  ).pipe(Layer.provideMerge(forges), Layer.provide(NodeProcessRunner.layer))

/** Lets the agent work on an issue of a village until it ends, and removes the bottle. */
export const workOn = Effect.fn("workOn")(function* (
  target: Omit<ForgeTarget, "kind">,
  issueNumber: number,
  observe: (event: RunEvent) => Effect.Effect<void>,
) {
  const forge = { target: { ...target, kind: "village" }, assignment: { issueNumber } }
  const slug = yield* orchestrateStart({ agent: "mason", prompt: "Mend it.", forge, observe })
  yield* destroy(slug)
})
