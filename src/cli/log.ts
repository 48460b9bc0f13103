/** Log lines of commands: on stderr, one short line for people. */
import { Cause, Chunk, Logger } from "effect"
import { neutralLine } from "../domain/Neutral.ts"
import { isJsonLog, jsonLogLine, logLine } from "./output.ts"

/** `warning: text` on stderr, information without a prefix; with `BOT_BOTTLE_LOG=json` a line of JSON. */
export const stderrLogger = Logger.make<unknown, void>(({ logLevel, message, cause, date }) => {
  const words = (Array.isArray(message) ? message : [message]).map(String).join(" ")
  const text = Cause.isEmpty(cause) ? words : `${words}: ${reasonOf(cause)}`
  if (isJsonLog())
    return jsonLogLine({
      at: date.toISOString(),
      level: logLevel.label.toLowerCase(),
      message: text,
    })
  const head = logLevel._tag === "Info" ? "" : `${logLevel.label.toLowerCase().replace("warn", "warning")}: `
  logLine(head + neutralLine(text))
})

/** The messages of expected failures; the stack only of what nobody expected. */
const reasonOf = (cause: Cause.Cause<unknown>): string =>
  Cause.isDie(cause) || Cause.isInterruptedOnly(cause)
    ? Cause.pretty(cause)
    : Chunk.toReadonlyArray(Cause.failures(cause))
        .map((error) => (error instanceof Error ? error.message : String(error)))
        .join("; ")
