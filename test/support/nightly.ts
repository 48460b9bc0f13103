/** Whether everything is to be tried, at full size, which takes hours: `npm run test:nightly`. */
export const nightly = process.env["BOT_BOTTLE_NIGHTLY"] === "1"
