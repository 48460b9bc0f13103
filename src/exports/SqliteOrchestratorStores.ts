/** bot-bottle/SqliteOrchestratorStores: the orchestrator's stores on one SQLite file. */
export * from "../layers/sqlite/SqliteOrchestratorStores.ts"
export * as SqliteOrchestratorStores from "../layers/sqlite/SqliteOrchestratorStores.ts"
