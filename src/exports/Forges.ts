/** bot-bottle/Forges: makes the Forges service from named kinds of forge. */
export * from "../layers/forges.ts"
export * as Forges from "../layers/forges.ts"
