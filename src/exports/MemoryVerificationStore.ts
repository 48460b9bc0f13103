/** bot-bottle/MemoryVerificationStore: passed verifications in memory. */
export * from "../layers/memory/MemoryVerificationStore.ts"
export * as MemoryVerificationStore from "../layers/memory/MemoryVerificationStore.ts"
