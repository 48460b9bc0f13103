/** Help of one command on one screen: usage, a line for each argument and option with its default, and examples. */
import { type Line, bold } from "../output.ts"
import { EXAMPLES } from "./examples.ts"
import { GLOBALS } from "./globals.ts"
import { ALIASES } from "./read.ts"
import type { ArgumentInfo, CommandInfo, OptionInfo } from "./tree.ts"

/** Maximum width of help. */
const WIDTH = 100

/** A term and its description. */
export type Entry = readonly [term: string, text: string]

/** Help of a command without subcommands. */
export const commandHelp = (command: CommandInfo): ReadonlyArray<Line> => {
  const [name = ""] = command.path
  const aliases = Object.entries(ALIASES).flatMap(([alias, of]) =>
    command.path.length === 1 && of === name ? [alias] : [],
  )
  const own = command.options.map(optionEntry)
  const shared = GLOBALS.filter(({ names }) => !PRINTING.has(names[0])).map(optionEntry)
  const width = Math.max(...[...own, ...shared].map(([term]) => term.length))
  return [
    bold("Usage:", ` ${usageOf(command)}`),
    "",
    ...wrapped(command.about, WIDTH),
    "",
    ...(aliases.length === 0 ? [] : [bold("Aliases:", ` ${aliases.join(", ")}`), ""]),
    ...section("Arguments", command.arguments.map(argumentEntry)),
    ...section("Options", own, width),
    ...section("Options of every command", shared, width),
    ...exampleLines(command.path),
  ]
}

/** Common options, which the help of a single command leaves out. */
const PRINTING: ReadonlySet<string> = new Set(["--version", "--completions"])

/** The synopsis of a command line, with optional parts in brackets. */
export const usageOf = ({ path, options, arguments: args }: CommandInfo): string => {
  const required = options.filter(({ isRequired }) => isRequired)
  return [
    "bot-bottle",
    ...path,
    ...required.map(({ names, value }) => `${names[0]} ${value}`),
    ...(options.length > required.length ? ["[OPTIONS]"] : []),
    ...args.map(({ name, isRequired, isRepeated }) => {
      const word = `${name}${isRepeated ? "..." : ""}`
      return isRequired ? word : `[${word}]`
    }),
  ].join(" ")
}

const argumentEntry = ({ name, about }: ArgumentInfo): Entry => [name, about]

/** An option as help shows it, short names first. */
export const optionEntry = (option: OptionInfo): Entry => {
  const { names, value, choices, fallback, isRepeated, isRequired, about } = option
  const short = names.filter((name) => !name.startsWith("--"))
  const long = names.filter((name) => name.startsWith("--"))
  const shown = choices !== undefined && choices.length < 5 ? choices.join("|") : value
  return [
    `${short.length === 0 ? "    " : `${short.join(", ")}, `}${long.join(", ")}${shown === undefined ? "" : ` ${shown}`}`,
    [
      about,
      ...(isRequired ? ["(required)"] : []),
      ...(isRepeated ? ["(repeatable)"] : []),
      ...(fallback === undefined ? [] : [`(default: ${fallback})`]),
    ].join(" "),
  ]
}

/** A title and lines of two columns, the second one wrapped, then an empty line; nothing without entries. */
export const section = (
  title: string,
  entries: ReadonlyArray<Entry>,
  width = Math.max(0, ...entries.map(([term]) => term.length)),
): ReadonlyArray<Line> => {
  if (entries.length === 0) return []
  const lines = entries.flatMap(([term, text]) =>
    wrapped(text, WIDTH - width - 4).map((line, at) => `  ${(at === 0 ? term : "").padEnd(width)}  ${line}`),
  )
  return [bold(`${title}:`), ...lines, ""]
}

/** Examples of a command, as typed. */
export const exampleLines = (path: ReadonlyArray<string>): ReadonlyArray<Line> => {
  const examples = (EXAMPLES[path.join(" ")] ?? []).map((line) => `  bot-bottle ${line}`)
  return examples.length === 0 ? [] : [bold("Examples:"), ...examples]
}

const wrapped = (text: string, width: number): ReadonlyArray<string> => {
  const lines = [""]
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? ""
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`
  }
  return lines
}
