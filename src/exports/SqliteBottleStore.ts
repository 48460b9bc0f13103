/** bot-bottle/SqliteBottleStore: metadata and leases of bottles on disk. */
export * from "../layers/sqlite/SqliteBottleStore.ts"
export * as SqliteBottleStore from "../layers/sqlite/SqliteBottleStore.ts"
