/** bot-bottle/SqliteForgeStateStore: forge state on disk. */
export * from "../layers/sqlite/SqliteForgeStateStore.ts"
export * as SqliteForgeStateStore from "../layers/sqlite/SqliteForgeStateStore.ts"
