/** bot-bottle/SmolvmBackend: bottles as microVMs of smolvm. */
export * from "../layers/smolvm/SmolvmBackend.ts"
export * as SmolvmBackend from "../layers/smolvm/SmolvmBackend.ts"
