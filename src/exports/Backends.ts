/** bot-bottle/Backends: makes the Backends service from named backends. */
export * from "../layers/backends.ts"
export * as Backends from "../layers/backends.ts"
