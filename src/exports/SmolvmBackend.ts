/** bot-bottle/SmolvmBackend: bottles as smolvm microVMs. */
export * from "../layers/smolvm/SmolvmBackend.ts"
export * as SmolvmBackend from "../layers/smolvm/SmolvmBackend.ts"
