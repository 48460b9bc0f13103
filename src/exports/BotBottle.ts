/** bot-bottle/BotBottle: all live layers together. */
export * from "../layers/live.ts"
export * as BotBottle from "../layers/live.ts"
