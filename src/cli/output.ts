/** What commands print: results on stdout, as text for people or as JSON; all else on stderr. */
import { Console, Effect } from "effect"
import { neutralLine } from "../domain/Neutral.ts"

/** Bytes to one of our streams; resolves when the stream has taken them, so that a slow reader slows the writer. */
export const write = (stream: NodeJS.WriteStream, bytes: Uint8Array | string): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    stream.write(bytes, () => resume(Effect.void))
  })

/** One JSON value on a line of stdout. */
export const printJson = (value: unknown): Effect.Effect<void> =>
  write(process.stdout, `${JSON.stringify(value)}\n`)

/** A line on stdout. */
export const printLine = (text: string): Effect.Effect<void> => write(process.stdout, `${text}\n`)

/** A line on stderr: progress, and what to do next. */
export const note = (text: string): Effect.Effect<void> => Console.error(text)

/** Columns aligned by their widest cell, the head bold on a terminal. Cells are made harmless and kept on one line. */
export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const cells = [head, ...rows.map((row) => row.map(neutralLine))]
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)))
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  )
  return [bold(lines[0] ?? ""), ...lines.slice(1)].join("\n")
}

/** Bold on a terminal that shows colours (NO_COLOR is honoured, no-color.org), plain elsewhere. */
export const bold = (text: string): string => (isColour(process.stdout) ? `\u001b[1m${text}\u001b[22m` : text)

/** Whether a stream shows colours: a terminal, unless NO_COLOR is set. */
export const isColour = (stream: NodeJS.WriteStream): boolean => stream.isTTY && !process.env["NO_COLOR"]

/** How long ago an ISO 8601 time was, in words of one unit; `-` for none. */
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
