/** All stores of the orchestrator in memory: for tests, and for programs that need no persistence. */
import { Layer } from "effect"
import * as MemoryHomeLease from "./MemoryHomeLease.ts"
import * as MemoryLifeStores from "./MemoryLifeStores.ts"
import * as MemoryServiceState from "./MemoryServiceState.ts"
import * as MemorySignIns from "./MemorySignIns.ts"
import * as MemorySweepCursors from "./MemorySweepCursors.ts"

/** Empty stores, private to this layer. */
export const layer = Layer.mergeAll(
  MemoryHomeLease.layer,
  MemoryLifeStores.layer,
  MemoryServiceState.layer,
  MemorySignIns.layer,
  MemorySweepCursors.layer,
)
