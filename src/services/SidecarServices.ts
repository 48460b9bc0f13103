/** SidecarServices: the launch of sidecars, and everything they leave on disk, as one layer provides it. */
import type { BottleEvents } from "./BottleEvents.ts"
import type { DeployKeys } from "./DeployKeys.ts"
import type { ObjectStores } from "./ObjectStores.ts"
import type { OperationLogs } from "./OperationLogs.ts"
import type { Requests } from "./Requests.ts"
import type { RunDirectories } from "./RunDirectories.ts"
import type { Signatures } from "./Signatures.ts"
import type { Sidecar } from "./Sidecar.ts"

/** Files that sidecars leave in the home, however they were launched, and the key that signs what they say. */
export type SidecarRecords =
  | BottleEvents
  | DeployKeys
  | ObjectStores
  | OperationLogs
  | Requests
  | RunDirectories
  | Signatures

/** Every service about sidecars. */
export type SidecarServices = Sidecar | SidecarRecords
