/** The minimal layers of `orchestrate status`, `pause`, `continue` and `retry`, which are called often. */
import { Layer } from "effect"
import * as MachineBackends from "../../layers/machineBackends.ts"
import * as BottleEvents from "../../layers/sidecar/BottleEvents.ts"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import * as SqliteBottleStore from "../../layers/sqlite/SqliteBottleStore.ts"
import * as SqliteForgeStateStore from "../../layers/sqlite/SqliteForgeStateStore.ts"
import * as SqliteInbox from "../../layers/sqlite/SqliteInbox.ts"
import * as SqliteIssueStates from "../../layers/sqlite/SqliteIssueStates.ts"
import * as SqliteOperations from "../../layers/sqlite/SqliteOperations.ts"
import * as SqliteOutbox from "../../layers/sqlite/SqliteOutbox.ts"
import * as SqliteServiceState from "../../layers/sqlite/SqliteServiceState.ts"
import * as SqliteUsage from "../../layers/sqlite/SqliteUsage.ts"

export { orchestrateRetry } from "../../programs/orchestrateRetry.ts"
export { orchestrateStatus } from "../../programs/orchestrateStatus.ts"
export { limitStatus } from "../../programs/limitStatus.ts"
export { unsentNotices } from "../../programs/unsentNotices.ts"
export { serviceStatus } from "../../programs/serviceStatus.ts"
export { ServiceState } from "../../services/ServiceState.ts"

/** The source of the service's and its issues' status. */
export const stores = Layer.mergeAll(
  SqliteInbox.layer(),
  SqliteIssueStates.layer(),
  SqliteServiceState.layer(),
)

/** The layers of `orchestrate status`. */
export const live = Layer.mergeAll(
  BottleEvents.layer,
  MachineBackends.layer,
  stores,
  SqliteBottleStore.layer(),
  SqliteForgeStateStore.layer(),
  SqliteOperations.layer(),
  SqliteOutbox.layer(),
  SqliteUsage.layer(),
).pipe(Layer.provideMerge(NodeProcessRunner.layer))
