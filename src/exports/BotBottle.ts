/** bot-bottle/BotBottle: all of the live layers. */
export * from "../layers/live.ts"
export * as BotBottle from "../layers/live.ts"
