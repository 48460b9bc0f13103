/** bot-bottle/MemoryOrchestratorStores: the orchestrator's stores in memory. */
export * from "../layers/memory/MemoryOrchestratorStores.ts"
export * as MemoryOrchestratorStores from "../layers/memory/MemoryOrchestratorStores.ts"
