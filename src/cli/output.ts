/** All output of commands: results on stdout, as text for people or as JSON; everything else on stderr. */
import { DateTime, Deferred, Effect, FiberId, Option } from "effect"
import { neutral, neutralJson, neutralLine } from "../domain/Neutral.ts"

type Stream = "stdout" | "stderr"

const closed = Deferred.unsafeMake<NodeJS.ErrnoException>(FiberId.none)

/** Completes once stdout or stderr can no longer be written. */
export const outputClosed: Effect.Effect<void> = Effect.asVoid(Deferred.await(closed))

/** Why stdout or stderr can no longer be written: a closed pipe, a full disk. */
export const outputFailure: Effect.Effect<Option.Option<NodeJS.ErrnoException>> = Effect.flatMap(
  Deferred.poll(closed),
  Option.match({ onNone: () => Effect.succeedNone, onSome: Effect.asSome }),
)

const failed = (error: NodeJS.ErrnoException | null | undefined): void => {
  if (error) Deferred.unsafeDone(closed, Effect.succeed(error))
}

/**
 * Without a listener node ends the process in the middle of its work. Attached at the first write, since a sidecar closes its streams
 * and writes nothing.
 */
const watchStreams = (): void => {
  if (watched.size > 0) return
  for (const stream of [process.stdout, process.stderr]) {
    watched.add(stream)
    stream.on("error", failed)
  }
}
const watched = new Set<NodeJS.WriteStream>()

const put = (stream: Stream, bytes: Uint8Array | string, done: () => void = () => undefined): void => {
  watchStreams()
  if (process[stream].isTTY && bytes.length > 0) {
    eraseProgress()
    const last = bytes.at(-1)
    isAtStart = last === "\n" || last === NEWLINE
  }
  process[stream].write(bytes, (error) => {
    failed(error)
    done()
  })
}

const NEWLINE = 10

/** Whether the cursor of the terminal is at the start of a line, as far as we wrote to it. */
let isAtStart = true
let progress = ""

/**
 * Shows a line on the terminal of stderr, in place of the one before it. Anything else that is written erases it first. Nothing is
 * shown behind an unfinished line, such as an agent's.
 */
export const showProgress = (text: string): void => {
  const line = text.slice(0, Math.max(0, process.stderr.columns - 1))
  if (!isAtStart || line === progress) return
  watchStreams()
  process.stderr.write(`\r\u001b[K${line}`)
  progress = line
}

/** Erases that line. */
export const eraseProgress = (): void => {
  if (progress !== "") process.stderr.write("\r\u001b[K")
  progress = ""
}

/** Erases that line before another program writes to the terminal. Nothing is shown again before we have written a line. */
export const endProgress = (): void => {
  eraseProgress()
  isAtStart = false
}

/**
 * Writes bytes unchanged: for `--raw`, and for streams that are not a terminal. Returns when the stream has accepted them, so that a
 * slow reader slows the writer. All other output uses the functions below, which make it safe.
 */
export const passBytes = (stream: Stream, bytes: Uint8Array | string): Effect.Effect<void> =>
  Effect.async<void>((resume) => put(stream, bytes, () => resume(Effect.void)))

/** Writes text to stdout or stderr, made safe for a terminal. */
export const print = (stream: Stream, text: string): Effect.Effect<void> => passBytes(stream, neutral(text))

/** Prints the bytes of an agent's output on stdout: made safe on a terminal unless `raw`, and unchanged elsewhere. */
export const outputOf = (raw: boolean): ((bytes: Uint8Array) => Effect.Effect<void>) => {
  const decoder = new TextDecoder()
  return (bytes) =>
    process.stdout.isTTY && !raw
      ? print("stdout", decoder.decode(bytes, { stream: true }))
      : passBytes("stdout", bytes)
}

/** Writes a line to stderr, made safe, for a logger, which cannot wait. */
export const logLine = (text: string): void => put("stderr", `${neutral(text)}\n`)

/** The same as a line of JSON. */
export const jsonLogLine = (value: unknown): void => put("stderr", `${neutralJson(JSON.stringify(value))}\n`)

/** A line that begins in a style, if the terminal has colours. */
export interface Styled {
  readonly text: string
  readonly style: keyof typeof STYLES
  /** The rest of the line, without a style. */
  readonly rest: string
}

/** A line of several parts. */
export interface Parts {
  readonly parts: ReadonlyArray<string | Styled>
}

/** The text of a line; newlines in it make more lines. */
export type Line = string | Styled | Parts

/** The text of a table cell. */
export type Cell = string | Styled

const FOREGROUND = "\u001b[39m"

const STYLES = {
  bold: ["\u001b[1m", "\u001b[22m"],
  red: ["\u001b[31m", FOREGROUND],
  green: ["\u001b[32m", FOREGROUND],
  yellow: ["\u001b[33m", FOREGROUND],
  blue: ["\u001b[34m", FOREGROUND],
  magenta: ["\u001b[35m", FOREGROUND],
  cyan: ["\u001b[36m", FOREGROUND],
  white: ["\u001b[37m", FOREGROUND],
  gray: ["\u001b[90m", FOREGROUND],
} as const

const shown = (line: Line): string => {
  if (typeof line === "string") return neutral(line)
  if ("parts" in line) return line.parts.map(shown).join("")
  const text = neutral(line.text)
  const [on, off] = STYLES[line.style]
  return `${isColour(process.stdout) ? `${on}${text}${off}` : text}${neutral(line.rest)}`
}

/** Lines in printed form. */
export const rendered = (lines: ReadonlyArray<Line>): string => lines.map(shown).join("\n")

/** One or more lines on stdout. */
export const printLine = (text: Line | ReadonlyArray<Line>): Effect.Effect<void> =>
  passBytes("stdout", `${rendered(Array.isArray(text) ? text : [text])}\n`)

/** Lines on stdout that replace everything on the terminal. */
export const redraw = (lines: ReadonlyArray<Line>): Effect.Effect<void> =>
  passBytes("stdout", `\u001b[H\u001b[2J${rendered(lines)}\n`)

/** One JSON value on a line of stdout. */
export const printJson = (value: unknown): Effect.Effect<void> =>
  passBytes("stdout", `${neutralJson(JSON.stringify(value))}\n`)

/** Whether lines on stderr are to be JSON. */
export const isJsonLog = (): boolean => process.env["BOT_BOTTLE_LOG"] === "json"

/** A line on stderr: progress, next steps, and why a command failed. */
export const note = (text: string, level: "info" | "error" = "info"): Effect.Effect<void> =>
  Effect.suspend(() =>
    isJsonLog()
      ? Effect.map(DateTime.now, (now) => jsonLogLine({ at: DateTime.formatIso(now), level, message: text }))
      : print("stderr", `${text}\n`),
  )

/** A line that begins in bold. */
export const bold = (text: string, rest = ""): Styled => ({ text, style: "bold", rest })

/** A text in a style, or unchanged without one. */
export const painted = (text: string, style: Styled["style"] | undefined): Cell =>
  style === undefined ? text : { text, style, rest: "" }

/** A line in red. */
export const red = (text: string): Styled => ({ text, style: "red", rest: "" })

/** Columns aligned by their widest cell, with a bold header. Cells are kept on one line. */
export const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
): ReadonlyArray<Line> => {
  const cells = [head, ...rows.map((row) => row.map((cell) => neutralLine(textOf(cell))))]
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)))
  const aligned = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)))
  const [first = "", ...lines] = aligned.map((row) => row.join("  ").trimEnd())
  return [
    bold(first),
    ...rows.map((row, at): Line => {
      if (row.every((cell) => typeof cell === "string")) return lines[at] ?? ""
      // The padding after a text has no style.
      return {
        parts: row.flatMap((cell, column) => {
          const text = cells[at + 1]?.[column] ?? ""
          const space = column === row.length - 1 ? "" : " ".repeat((widths[column] ?? 0) - text.length + 2)
          return [typeof cell === "string" ? text : { ...cell, text }, space]
        }),
      }
    }),
  ]
}

const textOf = (cell: Cell): string => (typeof cell === "string" ? cell : cell.text)

/** Whether a stream shows colours: a terminal, unless NO_COLOR is set. */
export const isColour = (stream: NodeJS.WriteStream): boolean => stream.isTTY && !process.env["NO_COLOR"]

/** How long ago an ISO 8601 time was, in one unit; `-` for none. */
export const ago = (iso: string, now: number): string => {
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000))
  if (Number.isNaN(seconds)) return "-"
  const [count, unit] =
    seconds < 90
      ? [seconds, "s"]
      : seconds < 5400
        ? [Math.round(seconds / 60), "min"]
        : seconds < 129_600
          ? [Math.round(seconds / 3600), "h"]
          : [Math.round(seconds / 86_400), "d"]
  return `${count} ${unit} ago`
}
