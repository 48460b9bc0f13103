/** bot-bottle/SqliteBottleStore: bottles' metadata and leases on disk. */
export * from "../layers/sqlite/SqliteBottleStore.ts"
export * as SqliteBottleStore from "../layers/sqlite/SqliteBottleStore.ts"
