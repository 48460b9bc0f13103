/** bot-bottle/MemoryVerificationStore: verifications that passed, in memory. */
export * from "../layers/memory/MemoryVerificationStore.ts"
export * as MemoryVerificationStore from "../layers/memory/MemoryVerificationStore.ts"
