/** Version of bot-bottle, as package.json has it; written into each row. */
export const VERSION = "0.1.0"
