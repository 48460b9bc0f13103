/** The commands with their options and arguments, read from @effect/cli's own tree, for help, usage errors and completions. */
import { Option } from "effect"

/** An option of a command. */
export interface OptionInfo {
  /** `--name` first, then its aliases such as `-n`. */
  readonly names: readonly [string, ...ReadonlyArray<string>]
  /** The name of its value in help; absent for a flag. */
  readonly value?: string
  /** Its possible values, if there are few. */
  readonly choices?: ReadonlyArray<string>
  readonly isInteger: boolean
  readonly isRequired: boolean
  readonly isRepeated: boolean
  /** Its default, if that is a text or a number. */
  readonly fallback?: string
  readonly about: string
}

/** An argument of a command. */
export interface ArgumentInfo {
  readonly name: string
  readonly isRequired: boolean
  readonly isRepeated: boolean
  readonly about: string
}

/** A command, or a group of commands. */
export interface CommandInfo {
  /** The words that name it after `bot-bottle`; none for the root. */
  readonly path: ReadonlyArray<string>
  readonly about: string
  readonly options: ReadonlyArray<OptionInfo>
  readonly arguments: ReadonlyArray<ArgumentInfo>
  readonly children: ReadonlyArray<CommandInfo>
}

/** Common fields of @effect/cli's nodes for commands, options and arguments, which its public types do not show. */
interface Node {
  readonly _tag: string
  readonly name: string
  readonly fullName: string
  readonly aliases: ReadonlyArray<string>
  readonly description: Text
  readonly pseudoName: Option.Option<string>
  readonly primitiveType: {
    readonly _tag: string
    readonly alternatives?: ReadonlyArray<readonly [string, unknown]>
  }
  readonly fallback: unknown
  readonly min: Option.Option<number>
  readonly command: Node
  readonly parent: Node
  readonly children: ReadonlyArray<Node>
  readonly options: Node
  readonly args: Node
  readonly argumentOption: Node
  readonly left: Node
  readonly right: Node
}

/** A description: nested sequences of texts. */
interface Text {
  readonly _tag: string
  readonly value?: Text | string
  readonly left?: Text
  readonly right?: Text
}

/** The tree of a command. */
export const treeOf = (command: { readonly descriptor: unknown }): CommandInfo => {
  const root = readCommand(command.descriptor as Node, [])
  return { ...root, path: [] }
}

const readCommand = (node: Node, above: ReadonlyArray<string>): CommandInfo => {
  switch (node._tag) {
    case "Map":
      return readCommand(node.command, above)
    case "Subcommands": {
      const own = readCommand(node.parent, above)
      // The root's own name is not typed.
      const path = above.length === 0 && own.path[0] === "bot-bottle" ? [] : own.path
      return { ...own, children: node.children.map((child) => readCommand(child, path)) }
    }
    default:
      return {
        path: [...above, node.name],
        about: textOf(node.description),
        options: readOptions(node.options, {}),
        arguments: readArguments(node.args, {}),
        children: [],
      }
  }
}

interface Around {
  readonly isOptional?: boolean
  readonly isRepeated?: boolean
  readonly fallback?: string
}

const readOptions = (node: Node, around: Around): ReadonlyArray<OptionInfo> => {
  switch (node._tag) {
    case "Empty":
      return []
    case "Single":
      return [readOption(node, around)]
    case "Variadic":
      return readOptions(node.argumentOption, repeated(node, around))
    case "Both":
    case "OrElse":
      return [...readOptions(node.left, around), ...readOptions(node.right, around)]
    default:
      return readOptions(node.options, node._tag === "WithDefault" ? optional(node, around) : around)
  }
}

const readOption = (node: Node, { isOptional, isRepeated, fallback }: Around): OptionInfo => {
  const { _tag, alternatives } = node.primitiveType
  const isFlag = _tag === "Bool"
  return {
    names: [node.fullName, ...node.aliases.map((name) => (name.length === 1 ? `-${name}` : `--${name}`))],
    ...(!isFlag && { value: Option.getOrElse(node.pseudoName, () => defaultName(node.name)) }),
    ...(alternatives !== undefined && { choices: alternatives.map(([name]) => name) }),
    isInteger: _tag === "Integer",
    isRequired: isOptional !== true && isRepeated !== true,
    isRepeated: isRepeated === true,
    ...(fallback !== undefined && !isFlag && { fallback }),
    about: textOf(node.description),
  }
}

/** The value of `--prompt-file` is a FILE. */
const defaultName = (name: string): string => (name.split("-").at(-1) ?? name).toUpperCase()

const readArguments = (node: Node, around: Around): ReadonlyArray<ArgumentInfo> => {
  switch (node._tag) {
    case "Empty":
      return []
    case "Single":
      return [
        {
          name: Option.getOrElse(node.pseudoName, () => node.name).toUpperCase(),
          isRequired: around.isOptional !== true,
          isRepeated: around.isRepeated === true,
          about: textOf(node.description),
        },
      ]
    case "Both":
      return [...readArguments(node.left, around), ...readArguments(node.right, around)]
    case "Variadic":
      return readArguments(node.args, repeated(node, around))
    default:
      return readArguments(node.args, node._tag === "WithDefault" ? optional(node, around) : around)
  }
}

const repeated = ({ min }: Node, around: Around): Around => ({
  ...around,
  isRepeated: true,
  isOptional: around.isOptional === true || Option.getOrElse(min, () => 0) === 0,
})

const optional = ({ fallback }: Node, around: Around): Around => ({
  ...around,
  isOptional: true,
  ...((typeof fallback === "string" || typeof fallback === "number") && { fallback: String(fallback) }),
})

const textOf = ({ value, left, right }: Text): string =>
  typeof value === "string"
    ? value
    : [value, left, right].flatMap((part) => (part === undefined ? [] : [textOf(part)])).join("")

/** The command that the words name as far as possible, and the remaining words. */
export const commandAt = (
  root: CommandInfo,
  words: ReadonlyArray<string>,
): { readonly command: CommandInfo; readonly rest: ReadonlyArray<string> } => {
  const [word, ...rest] = words
  const child = root.children.find(({ path }) => path.at(-1) === word)
  return child === undefined ? { command: root, rest: words } : commandAt(child, rest)
}

/** Whether it is shown to people: the sidecar's command is for other programs. */
export const isForPeople = ({ path }: CommandInfo): boolean => path[0] !== "sidecar"
