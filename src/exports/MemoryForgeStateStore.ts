/** bot-bottle/MemoryForgeStateStore: forge state in memory. */
export * from "../layers/memory/MemoryForgeStateStore.ts"
export * as MemoryForgeStateStore from "../layers/memory/MemoryForgeStateStore.ts"
