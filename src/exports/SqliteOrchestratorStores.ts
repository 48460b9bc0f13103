/** bot-bottle/SqliteOrchestratorStores: the orchestrator's stores in one SQLite file. */
export * from "../layers/sqlite/SqliteOrchestratorStores.ts"
export * as SqliteOrchestratorStores from "../layers/sqlite/SqliteOrchestratorStores.ts"
