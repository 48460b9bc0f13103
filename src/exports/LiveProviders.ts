/** bot-bottle/LiveProviders: how agent programs are run. */
export * from "../layers/providers/LiveProviders.ts"
export * as LiveProviders from "../layers/providers/LiveProviders.ts"
