/** The live layers: files, SQLite, the backends of this machine, the sidecar as a separate process. */
import { Layer } from "effect"
import * as GiteaForges from "./gitea/GiteaForges.ts"
import * as FileManifests from "./manifests/FileManifests.ts"
import * as NodeProcessRunner from "./process/NodeProcessRunner.ts"
import * as LiveProviders from "./providers/LiveProviders.ts"
import * as SidecarProcess from "./sidecar/SidecarProcess.ts"
import * as SqliteBottleStore from "./sqlite/SqliteBottleStore.ts"
import * as SqliteForgeStateStore from "./sqlite/SqliteForgeStateStore.ts"
import * as MachineBackends from "./machineBackends.ts"

/** The layers that make a plan. They open and create nothing. */
export const lookups = Layer.mergeAll(
  FileManifests.layer,
  LiveProviders.layer,
  MachineBackends.layer,
  SidecarProcess.layer,
).pipe(Layer.provideMerge(NodeProcessRunner.layer))

/** All live layers, for a caller that wants the defaults. */
export const layer = Layer.mergeAll(
  lookups,
  SqliteBottleStore.layer(),
  SqliteForgeStateStore.layer(),
  GiteaForges.layer,
)
