/** What a sidecar needs from this machine: processes, and scanners, which run in processes too. */
import { Layer } from "effect"
import type { Forges } from "../../services/Forges.ts"
import type { SidecarNeeds } from "../../sidecar/serve.ts"
import * as NodeProcessRunner from "../process/NodeProcessRunner.ts"
import * as ProcessIdentity from "../process/ProcessIdentity.ts"
import * as ChildScanner from "../scanner/ChildScanner.ts"

/** This machine's processes and scanners. */
export const layer: Layer.Layer<Exclude<SidecarNeeds, Forges>> = Layer.mergeAll(
  ProcessIdentity.layer,
  Layer.provideMerge(ChildScanner.layer, NodeProcessRunner.layer),
)
