/** Version of bot-bottle, as in package.json. It is written into each row. */
export const VERSION = "0.1.0"
