/** Log lines of commands: on stderr, one short line for people. */
import { Cause, Logger } from "effect"
import { neutralLine } from "../domain/Neutral.ts"
import { isJsonLog, jsonLogLine, logLine } from "./output.ts"

/** `warning: text` on stderr, information without a prefix; with `BOT_BOTTLE_LOG=json` a line of JSON. */
export const stderrLogger = Logger.make<unknown, void>(({ logLevel, message, cause, date }) => {
  const words = (Array.isArray(message) ? message : [message]).map(String)
  const text = Cause.isEmpty(cause) ? words : [...words, Cause.pretty(cause)]
  if (isJsonLog())
    return jsonLogLine({
      at: date.toISOString(),
      level: logLevel.label.toLowerCase(),
      message: text.join(" "),
    })
  const head = logLevel._tag === "Info" ? "" : `${logLevel.label.toLowerCase().replace("warn", "warning")}: `
  logLine(head + neutralLine(text.join(" ")))
})
