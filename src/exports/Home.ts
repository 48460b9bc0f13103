/** bot-bottle/Home: where files are kept. */
export * from "../layers/home/Home.ts"
