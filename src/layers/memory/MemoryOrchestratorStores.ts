/** All stores of the orchestrator in memory: for tests, and for programs that keep nothing. */
import { Layer } from "effect"
import * as MemoryHomeLease from "./MemoryHomeLease.ts"
import * as MemoryLifeStores from "./MemoryLifeStores.ts"
import * as MemoryServiceState from "./MemoryServiceState.ts"
import * as MemorySweepCursors from "./MemorySweepCursors.ts"

/** Empty stores, of this layer alone. */
export const layer = Layer.mergeAll(
  MemoryHomeLease.layer,
  MemoryLifeStores.layer,
  MemoryServiceState.layer,
  MemorySweepCursors.layer,
)
