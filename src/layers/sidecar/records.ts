/** What sidecars leave in the home on disk: the same however they were launched. */
import { Layer } from "effect"
import type { SidecarRecords } from "../../services/SidecarServices.ts"
import type { MakeForge } from "../../sidecar/SidecarDocument.ts"
import * as BottleEvents from "./BottleEvents.ts"
import * as DeployKeys from "./DeployKeys.ts"
import * as ObjectStores from "./ObjectStores.ts"
import * as OperationLogs from "./OperationLogs.ts"
import * as RunDirectories from "./RunDirectories.ts"

/** Events, logs, keys, stores and directories of a home; `makeForge` makes the forge at which a key is revoked. */
export const layerWith = (makeForge: MakeForge): Layer.Layer<SidecarRecords> =>
  Layer.mergeAll(
    BottleEvents.layer,
    DeployKeys.layerWith(makeForge),
    ObjectStores.layer,
    OperationLogs.layer,
    RunDirectories.layer,
  )
