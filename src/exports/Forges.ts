/** bot-bottle/Forges: the Forges service from kinds of forge by name. */
export * from "../layers/forges.ts"
export * as Forges from "../layers/forges.ts"
