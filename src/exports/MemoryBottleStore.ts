/** bot-bottle/MemoryBottleStore: bottles' metadata and leases in memory. */
export * from "../layers/memory/MemoryBottleStore.ts"
export * as MemoryBottleStore from "../layers/memory/MemoryBottleStore.ts"
