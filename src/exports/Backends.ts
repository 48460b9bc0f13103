/** bot-bottle/Backends: the Backends service from backends by name. */
export * from "../layers/backends.ts"
export * as Backends from "../layers/backends.ts"
