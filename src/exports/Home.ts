/** bot-bottle/Home: paths of the home directory. */
export * from "../layers/home/Home.ts"
