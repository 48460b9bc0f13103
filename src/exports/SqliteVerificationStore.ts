/** bot-bottle/SqliteVerificationStore: verifications that passed, on disk. */
export * from "../layers/sqlite/SqliteVerificationStore.ts"
export * as SqliteVerificationStore from "../layers/sqlite/SqliteVerificationStore.ts"
