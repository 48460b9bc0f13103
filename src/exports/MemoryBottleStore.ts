/** bot-bottle/MemoryBottleStore: metadata and leases of bottles in memory. */
export * from "../layers/memory/MemoryBottleStore.ts"
export * as MemoryBottleStore from "../layers/memory/MemoryBottleStore.ts"
