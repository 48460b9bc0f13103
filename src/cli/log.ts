/** Log lines of commands: on stderr, one short line for people. */
import { Cause, Logger } from "effect"
import { neutralLine } from "../domain/Neutral.ts"
import { logLine } from "./output.ts"

/** `warning: text` on stderr. Information has no prefix. */
export const stderrLogger = Logger.make<unknown, void>(({ logLevel, message, cause }) => {
  const words = (Array.isArray(message) ? message : [message]).map(String)
  const text = Cause.isEmpty(cause) ? words : [...words, Cause.pretty(cause)]
  const head = logLevel._tag === "Info" ? "" : `${logLevel.label.toLowerCase().replace("warn", "warning")}: `
  logLine(head + neutralLine(text.join(" ")))
})
