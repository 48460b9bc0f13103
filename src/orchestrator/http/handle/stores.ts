/** What the answers about bottles read and change. */
import type { Backends } from "../../../services/Backends.ts"
import type { BottleEvents } from "../../../services/BottleEvents.ts"
import type { BottleStore } from "../../../services/BottleStore.ts"
import type { DeployKeys } from "../../../services/DeployKeys.ts"
import type { ForgeStateStore } from "../../../services/ForgeStateStore.ts"
import type { History } from "../../../services/History.ts"
import type { OperationLogs } from "../../../services/OperationLogs.ts"
import type { ProvenanceStore } from "../../../services/ProvenanceStore.ts"
import type { RunDirectories } from "../../../services/RunDirectories.ts"
import type { Sidecar } from "../../../services/Sidecar.ts"
import type { Signatures } from "../../../services/Signatures.ts"
import type { OpenStreams } from "./streams.ts"

/** What the answers about bottles read and change. */
export type BottleServices =
  | Backends
  | BottleEvents
  | BottleStore
  | DeployKeys
  | ForgeStateStore
  | History
  | OperationLogs
  | ProvenanceStore
  | RunDirectories
  | Sidecar
  | Signatures
  | OpenStreams
