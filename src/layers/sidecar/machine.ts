/** What a sidecar needs from this machine: processes, and what runs in processes too: scanners, and commands for secrets. */
import { Layer } from "effect"
import type { Forges } from "../../services/Forges.ts"
import type { SidecarNeeds } from "../../sidecar/serve.ts"
import * as NodeProcessRunner from "../process/NodeProcessRunner.ts"
import * as ProcessIdentity from "../process/ProcessIdentity.ts"
import * as LiveSecrets from "../secrets/LiveSecrets.ts"
import * as ChildScanner from "../scanner/ChildScanner.ts"

/** This machine's processes, scanners and secrets. */
export const layer: Layer.Layer<Exclude<SidecarNeeds, Forges>> = Layer.mergeAll(
  ProcessIdentity.layer,
  Layer.provideMerge(Layer.merge(ChildScanner.layer, LiveSecrets.layer), NodeProcessRunner.layer),
)
