/** Completion of a command line: what may stand in place of its last word. */
import { GLOBALS } from "./globals.ts"
import { ALIASES } from "./read.ts"
import { type CommandInfo, type OptionInfo, commandAt, isForPeople } from "./tree.ts"

/** A word that may stand there, with a description or `""`. */
export type Offer = readonly [word: string, about: string]

/** Kinds of values that only this machine knows. */
export type Asked = "agents" | "backends" | "bottles" | "issues" | "requests" | "slugs"

/** What may stand in place of the last word. */
export interface Completion {
  /** The word so far. Each offer begins with it. */
  readonly word: string
  /** What comes before a value in its word: `--backend=`, or the list up to its last comma. */
  readonly before: string
  readonly offers: ReadonlyArray<Offer>
  readonly ask?: Asked
  /** What follows each value that is asked for. */
  readonly after?: string
  /** Whether an offer is only a part of the word, so that no space follows. */
  readonly isPart?: boolean
  readonly paths?: "directories" | "files"
  /** Values that stand on the line already. */
  readonly not: ReadonlyArray<string>
}

type Values =
  | Asked
  | "columns"
  | "commands"
  | "directories"
  | "files"
  | "filesOrInBottle"
  | "filesUnlessInBottle"
  | "text"

/** Values of options that have no fixed choices, by the option's name. */
export const OPTION_VALUES: Readonly<Record<string, Values>> = {
  "--agent": "agents",
  "--backend": "backends",
  "--bottle": "bottles",
  "--config": "files",
  "--file": "files",
  "--forge": "text",
  "--format": "columns",
  "--label": "text",
  "--operator": "text",
  "--prompt": "text",
  "--prompt-file": "files",
  "--public-key": "files",
  "--reason": "text",
  "--since": "text",
  "--slug": "slugs",
  "--token-file": "files",
}

/** Values of arguments, by their name in help. */
export const ARGUMENT_VALUES: Readonly<Record<string, Values>> = {
  AGENT: "agents",
  COMMAND: "commands",
  DEST: "filesUnlessInBottle",
  FILE: "files",
  ID: "requests",
  ISSUE: "issues",
  PATH: "directories",
  PLACE: "text",
  SLUG: "slugs",
  SOURCE: "filesOrInBottle",
  TEXT: "text",
}

/** What may stand in place of the last of the words after the program's name; `columns` are the values of `--format`. */
export const completionOf = (
  root: CommandInfo,
  words: ReadonlyArray<string>,
  columns: ReadonlyArray<string>,
): Completion => {
  const word = words.at(-1) ?? ""
  const state = readBefore(root, words.slice(0, -1))
  const inBottle = { ask: "slugs", after: ":", isPart: true } as const
  const none = { word, before: "", offers: [], not: [] } satisfies Completion
  const starting = (offers: ReadonlyArray<Offer>, before = ""): ReadonlyArray<Offer> =>
    offers.map(([text, about]): Offer => [before + text, about]).filter(([text]) => text.startsWith(word))
  const valued = (values: Values, before: string): Completion => {
    const not = state.args
    switch (values) {
      case "text":
        return none
      case "files":
      case "directories":
        return { ...none, before, paths: values }
      case "filesOrInBottle":
        return word.includes(":") ? none : { ...none, ...inBottle, paths: "files" }
      case "filesUnlessInBottle":
        if (state.args[0]?.includes(":") === true) return { ...none, paths: "files" }
        return word.includes(":") ? none : { ...none, ...inBottle }
      case "commands": {
        const { command, rest } = commandAt(root, state.args)
        return { ...none, offers: rest.length > 0 ? [] : starting(childrenOf(command)) }
      }
      case "columns": {
        const typed = word.slice(before.length).split(",").slice(0, -1)
        const left = columns.filter((name) => !typed.includes(name))
        const start = before + typed.map((name) => `${name},`).join("")
        return {
          ...none,
          before: start,
          isPart: true,
          offers: starting(
            left.map((name) => [name, ""]),
            start,
          ),
        }
      }
      default:
        return { ...none, before, ask: values, not }
    }
  }
  const ofOption = (option: OptionInfo, before: string): Completion =>
    option.choices !== undefined
      ? {
          ...none,
          before,
          offers: starting(
            option.choices.map((name) => [name, ""]),
            before,
          ),
        }
      : valued(option.isInteger ? "text" : (OPTION_VALUES[option.names[0]] ?? "text"), before)

  if (state.pending !== undefined) return ofOption(state.pending, "")
  if (!state.isEnded && word.startsWith("--") && word.includes("=")) {
    const name = word.slice(0, word.indexOf("="))
    const option = state.find(name)
    return option?.value === undefined ? none : ofOption(option, `${name}=`)
  }
  if (!state.isEnded && word.startsWith("-")) {
    const left = [...state.command.options, ...GLOBALS].filter(
      (option) => option.isRepeated || !state.given.has(option),
    )
    return {
      ...none,
      offers: starting(
        left.flatMap(({ names, about }) => names.filter(isLong).map((name): Offer => [name, about])),
      ),
    }
  }
  if (state.command.children.length > 0) return { ...none, offers: starting(childrenOf(state.command)) }
  const { arguments: args } = state.command
  const argument = args[state.args.length] ?? (args.at(-1)?.isRepeated === true ? args.at(-1) : undefined)
  return argument === undefined ? none : valued(ARGUMENT_VALUES[argument.name] ?? "text", "")
}

/** Values from this machine as offers, in the place of the word. */
export const offersOf = (
  { word, before, after = "", not }: Completion,
  values: ReadonlyArray<Offer>,
): ReadonlyArray<Offer> =>
  values
    .filter(([name]) => !not.includes(name))
    .map(([name, about]): Offer => [before + name + after, about])
    .filter(([text]) => text.startsWith(word))

const isLong = (name: string): boolean => name.startsWith("--")

const childrenOf = (command: CommandInfo): ReadonlyArray<Offer> => [
  ...command.children.filter(isForPeople).map(({ path, about }): Offer => [path.at(-1) ?? "", about]),
  ...(command.path.length > 0
    ? []
    : Object.entries(ALIASES).map(([alias, name]): Offer => [alias, `The same as ${name}`])),
]

interface Before {
  readonly command: CommandInfo
  readonly args: ReadonlyArray<string>
  readonly given: ReadonlySet<OptionInfo>
  /** The option whose value comes next. */
  readonly pending: OptionInfo | undefined
  readonly isEnded: boolean
  readonly find: (name: string) => OptionInfo | undefined
}

/** Reads the words before the last one. A line that is still being typed has no errors. */
const readBefore = (root: CommandInfo, words: ReadonlyArray<string>): Before => {
  let command = root
  let isEnded = false
  let pending: OptionInfo | undefined
  const args: Array<string> = []
  const given = new Set<OptionInfo>()
  const find = (name: string) => [...command.options, ...GLOBALS].find(({ names }) => names.includes(name))
  for (const word of words) {
    if (pending !== undefined) pending = undefined
    else if (!isEnded && word === "--") isEnded = true
    else if (!isEnded && word.startsWith("-") && word !== "-") {
      const [name = ""] = word.split("=")
      const option = find(name)
      if (option !== undefined) given.add(option)
      if (option?.value !== undefined && !word.includes("=")) pending = option
    } else if (command.children.length > 0) {
      command = commandAt(command, [command === root ? (ALIASES[word] ?? word) : word]).command
    } else args.push(word)
  }
  return { command, args, given, pending, isEnded, find }
}
