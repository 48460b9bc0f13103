/** Files that sidecars leave in the home, however they were launched. */
import { Layer } from "effect"
import type { Forges } from "../../services/Forges.ts"
import type { SidecarRecords } from "../../services/SidecarServices.ts"
import * as BottleEvents from "./BottleEvents.ts"
import * as DeployKeys from "./DeployKeys.ts"
import * as ObjectStores from "./ObjectStores.ts"
import * as OperationLogs from "./OperationLogs.ts"
import * as Requests from "./Requests.ts"
import * as RunDirectories from "./RunDirectories.ts"
import * as Signatures from "../signing/Signatures.ts"

/** Events, logs, requests, keys, stores, directories and signatures of a home. */
export const layer: Layer.Layer<SidecarRecords, never, Forges> = Layer.mergeAll(
  BottleEvents.layer,
  DeployKeys.layer,
  ObjectStores.layer,
  OperationLogs.layer,
  Requests.layer,
  RunDirectories.layer,
  Signatures.layer,
)
