/** What `orchestrate status` needs, and no more: it is asked often. */
import { Layer } from "effect"
import { lookups } from "../../layers/live.ts"
import * as SidecarProcess from "../../layers/sidecar/SidecarProcess.ts"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import * as SqliteBottleStore from "../../layers/sqlite/SqliteBottleStore.ts"
import * as SqliteForgeStateStore from "../../layers/sqlite/SqliteForgeStateStore.ts"

export { orchestrateStatus } from "../../programs/orchestrateStatus.ts"

/** The layers of `orchestrate status`. */
export const live = Layer.mergeAll(
  lookups,
  SqliteBottleStore.layer(),
  SqliteForgeStateStore.layer(),
  Layer.provide(SidecarProcess.layer, NodeProcessRunner.layer),
)
