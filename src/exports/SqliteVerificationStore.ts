/** bot-bottle/SqliteVerificationStore: passed verifications on disk. */
export * from "../layers/sqlite/SqliteVerificationStore.ts"
export * as SqliteVerificationStore from "../layers/sqlite/SqliteVerificationStore.ts"
