/** Reads a command line: finds its command and its errors, and rewrites it into a form that @effect/cli parses reliably. */
import { Either } from "effect"
import { COMPLETE } from "./completionScripts.ts"
import { GLOBALS } from "./globals.ts"
import { nearest } from "./suggest.ts"
import { type CommandInfo, type OptionInfo, commandAt, isForPeople } from "./tree.ts"
import { UsageError } from "./usage.ts"

/** What a command line asks for. */
export type Line =
  | { readonly _tag: "Help"; readonly command: CommandInfo }
  | { readonly _tag: "Version" }
  | { readonly _tag: "Completions"; readonly shell: string }
  | { readonly _tag: "Complete"; readonly words: ReadonlyArray<string> }
  | { readonly _tag: "Check" }
  | { readonly _tag: "Run"; readonly argv: ReadonlyArray<string>; readonly logLevel?: string }

/** The hidden command that checks the command lines on stdin and runs none of them. */
const CHECK = "__check"

/** Aliases of commands of the root. */
export const ALIASES: Readonly<Record<string, string>> = { ps: "list", rm: "destroy" }

/** docker's commands that have a different name here. */
const ELSEWHERE: Readonly<Record<string, string>> = { run: "start", exec: "shell", kill: "stop", ls: "list" }

interface Given {
  readonly option: OptionInfo
  readonly value: string | undefined
}

/** Reads the words after the program's name. */
export const readLine = (
  root: CommandInfo,
  words: ReadonlyArray<string>,
): Either.Either<Line, UsageError> => {
  if (words[0] === COMPLETE) return Either.right({ _tag: "Complete", words: words.slice(1) })
  if (words[0] === CHECK && words.length === 1) return Either.right({ _tag: "Check" })
  let command = root
  let isEnded = false
  const given: Array<Given> = []
  const args: Array<string> = []
  const problems: Array<UsageError> = []
  const wrong = (problem: string, suggestion?: string): UsageError => {
    const help = [`bot-bottle`, ...command.path, "--help"].join(" ")
    const error = new UsageError({ problem, help, ...(suggestion !== undefined && { suggestion }) })
    problems.push(error)
    return error
  }
  const known = (): ReadonlyArray<OptionInfo> => [...command.options, ...GLOBALS]
  const find = (name: string) => known().find(({ names }) => names.includes(name))

  const rest = [...words]
  /** The value of an option from the next word. The name of another option is not a value. */
  const take = (name: string): string | undefined => {
    const [next] = rest
    if (next !== undefined && next !== "--" && find(next) === undefined) return rest.shift()
    wrong(`${name} needs a value`)
    return undefined
  }
  const give = (name: string, option: OptionInfo, value: string | undefined): void => {
    if (option.value === undefined) {
      if (value === undefined || value === "true") given.push({ option, value: undefined })
      else if (value !== "false") wrong(`${name} takes no value`)
      return
    }
    const text = value ?? take(name)
    if (text === undefined) return
    const problem = valueProblem(option, text, known())
    if (problem !== undefined) wrong(`${name}: ${problem}`, choiceMeant(option, text))
    else given.push({ option, value: text })
  }
  const readLong = (word: string): void => {
    const [name = "", ...value] = word.split("=")
    const option = find(name)
    if (option !== undefined) return give(name, option, word.includes("=") ? value.join("=") : undefined)
    const hint = command.children.length > 0 ? ": options of a command go after it" : ""
    wrong(`unknown option ${name}${hint}`, nearest(name, namesOf(known())))
  }
  /** `-f`, `-fq`, `-n5` */
  const readShort = (word: string): void => {
    for (let at = 1; at < word.length; at++) {
      const name = `-${word[at]}`
      const option = find(name)
      if (option === undefined) {
        wrong(`unknown option ${name}`)
        return
      }
      if (option.value !== undefined) return give(name, option, word.slice(at + 1) || undefined)
      give(name, option, undefined)
    }
  }

  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (isEnded || word === "-" || !word.startsWith("-")) {
      if (command.children.length === 0 || isEnded) {
        args.push(word)
        continue
      }
      const child = commandAt(command, [ALIASES[command === root ? word : ""] ?? word]).command
      if (child === command) {
        const [group] = command.path
        wrong(
          `unknown command "${word}"${group === undefined ? "" : ` of ${group}`}`,
          commandMeant(command, word),
        )
        // The words after it belong to an unknown command.
        break
      }
      command = child
    } else if (word === "--") isEnded = true
    else if (word.startsWith("--")) readLong(word)
    else readShort(word)
  }

  const isGiven = (name: string) => given.some(({ option }) => option.names.includes(name))
  if (isGiven("--help") || (problems.length > 0 && asksForHelp(words)))
    return Either.right({ _tag: "Help", command })
  if (isGiven("--version")) return Either.right({ _tag: "Version" })
  const problem = problems[0]
  if (problem !== undefined) return Either.left(problem)
  const valueOf = (name: string) => given.findLast(({ option }) => option.names.includes(name))?.value
  const shell = valueOf("--completions")
  if (shell !== undefined) return Either.right({ _tag: "Completions", shell })
  if (command.path[0] === "help") {
    const { command: about, rest } = commandAt(
      root,
      args.map((name, at) => (at === 0 ? (ALIASES[name] ?? name) : name)),
    )
    if (rest.length === 0) return Either.right({ _tag: "Help", command: about })
    command = about
    return Either.left(wrong(`unknown command "${args.join(" ")}"`, commandMeant(about, rest[0] ?? "")))
  }

  const own = given.filter(({ option }) => !GLOBALS.includes(option))
  const incomplete = incompleteness(command, own, args)
  if (incomplete !== undefined) return Either.left(wrong(incomplete))
  const logLevel = valueOf("--log-level")
  return Either.right({
    _tag: "Run",
    argv: [
      ...command.path,
      ...new Set(own.flatMap(({ option, value }) => (value === undefined ? [option.names[0]] : []))),
      ...own.flatMap(({ option, value }) => (value === undefined ? [] : [option.names[0], value])),
      ...(args.length === 0 ? [] : ["--", ...args]),
    ],
    ...(logLevel !== undefined && { logLevel }),
  })
}

const namesOf = (options: ReadonlyArray<OptionInfo>): ReadonlyArray<string> =>
  options.flatMap(({ names }) => names.filter((name) => name.startsWith("--")))

/** Help is shown even after an unknown command or option. */
const asksForHelp = (words: ReadonlyArray<string>): boolean => {
  const end = words.indexOf("--")
  const before = end < 0 ? words : words.slice(0, end)
  return before.includes("--help") || before.includes("-h")
}

const commandMeant = (command: CommandInfo, word: string): string | undefined => {
  const names = command.children.filter(isForPeople).map(({ path }) => path.at(-1) ?? "")
  const isRoot = command.path.length === 0
  const meant = isRoot
    ? (ELSEWHERE[word] ?? nearest(word, [...names, ...Object.keys(ALIASES)]))
    : nearest(word, names)
  return meant === undefined ? undefined : `"${["bot-bottle", ...command.path, meant].join(" ")}"`
}

const valueProblem = (
  { choices, isInteger }: OptionInfo,
  value: string,
  known: ReadonlyArray<OptionInfo>,
): string | undefined => {
  if (choices !== undefined && !choices.includes(value))
    return `"${value}" is not one of ${choices.join(", ")}`
  if (isInteger && !/^-?\d+$/.test(value)) return `"${value}" is not a whole number`
  // @effect/cli would read it as an option.
  if (value === "--" || known.some(({ names }) => names.includes(value)))
    return `"${value}" is an option, not a value`
  return undefined
}

const choiceMeant = ({ choices = [] }: OptionInfo, value: string): string | undefined =>
  nearest(value, choices)

/** What is missing or superfluous in a line of valid words. */
const incompleteness = (
  command: CommandInfo,
  given: ReadonlyArray<Given>,
  args: ReadonlyArray<string>,
): string | undefined => {
  for (const option of command.options) {
    const times = given.filter((other) => other.option === option).length
    if (times === 0 && option.isRequired) return `${option.names[0]} is required`
    if (times > 1 && !option.isRepeated && option.value !== undefined)
      return `${option.names[0]} is given ${times} times`
  }
  const missing = command.arguments.filter(({ isRequired }) => isRequired)[args.length]
  if (missing !== undefined) return `${missing.name} is missing`
  const isOpen = command.arguments.some(({ isRepeated }) => isRepeated)
  if (!isOpen && args.length > command.arguments.length)
    return `unexpected argument "${args[command.arguments.length]}"`
  return undefined
}
