/** bot-bottle/LiveProviders: how each agent program is run. */
export * from "../layers/providers/LiveProviders.ts"
export * as LiveProviders from "../layers/providers/LiveProviders.ts"
