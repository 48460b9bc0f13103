// How the stand-in for smolvm reads its command line: options and help texts are those of the recording, and usage
// errors are worded as clap words them. Versions from 1.17 on have a few options more.
import { readFileSync } from "node:fs"

const recording = new URL("../fixtures/smolvm/recorded.jsonl", import.meta.url)
const helps = new Map(
  readFileSync(recording, "utf8")
    .split("\n")
    .filter((line) => line.includes('--help"]'))
    .map((line) => JSON.parse(line))
    .map(({ argv, stdout }) => [argv.slice(0, -1).join(" "), stdout]),
)

const NEWER = {
  "machine create": [
    "  -u, --user <USER>",
    "      --disk <SIZE>",
    "      --block-io <KIND>",
    "      --nested",
  ],
  "machine exec": ["  -u, --user <USER>"],
  "pack create": ["      --include-workspace"],
}
const REPEATED =
  /^--(label|volume|port|allow-cidr|allow-host|expose-socket|mount-socket|init|env|secret-env|secret-file|disk)$/
const REQUIRED = { "machine delete": ["--name"], "pack create": ["--output"] }
const POSITIONAL = {
  "machine create": { unused: ["[-- <COMMAND>...]"], used: ["-- <COMMAND>..."] },
  "machine exec": { unused: ["<COMMAND>..."], used: ["<COMMAND>..."] },
}

export function usage(message, { tip, line } = {}) {
  const parts = [
    `error: ${message}`,
    ...(tip ? [`  tip: ${tip}`] : []),
    ...(line ? [`Usage: smolvm ${line}`] : []),
    "For more information, try '--help'.",
  ]
  process.stderr.write(`${parts.join("\n\n")}\n`)
  process.exit(2)
}

/** The help of a command, as this version prints it. */
export function helpOf(command, newer) {
  const text = helps.get(command)
  if (text === undefined) return undefined
  const more = newer ? (NEWER[command] ?? []) : []
  return text.replace("  -h, --help", () => [...more, "  -h, --help"].join("\n"))
}

const optionsOf = (help) =>
  help.split(/\n(?= {2}(?:-\w, | {4})--)/).flatMap((part) => {
    const found = /^ {2}(?:(-\w), | {4})(--[\w-]+)(?: (<[^\n]*?>))?(?=\s|$)/.exec(part)
    if (found === null) return []
    const [, short, long, value] = found
    const alias = /\[aliases: (-\w)\]/.exec(part)?.[1]
    const kind = value === undefined ? "flag" : REPEATED.test(long) ? "values" : "value"
    return [{ names: [short, long, alias].filter(Boolean), long, value, kind }]
  })

/** Reads the words after a command: unknown options, repeated ones and stray words are exit 2; what follows `--` is left alone. */
export function parse(command, words, newer) {
  const help = helpOf(command, newer)
  const known = optionsOf(help)
  const options = {}
  const used = []
  let rest = []
  const generic = /Usage: smolvm (.*)/.exec(help)[1]
  const lineOf = (failing = []) => {
    const required = REQUIRED[command] ?? []
    const named = [...new Set([...required, ...used])].filter((long) => !failing.includes(long))
    const positional = POSITIONAL[command]?.[rest.length > 0 ? "used" : "unused"] ?? []
    const shown = named.map((long) => [long, known.find((option) => option.long === long).value])
    return [command, ...shown.flat().filter(Boolean), ...positional].join(" ")
  }
  const unexpected = (word, isOption) =>
    usage(`unexpected argument '${word}' found`, {
      ...(isOption && POSITIONAL[command] && { tip: `to pass '${word}' as a value, use '-- ${word}'` }),
      line: used.length > 0 ? lineOf() : generic,
    })
  const missing = (...what) =>
    usage(
      `the following required arguments were not provided:\n${what.map((word) => `  ${word}`).join("\n")}`,
      {
        line: lineOf(),
      },
    )

  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    if (word === "--") {
      rest = words.slice(i + 1)
      break
    }
    if (word === "--help" || word === "-h") {
      process.stdout.write(help)
      process.exit(0)
    }
    if (!word.startsWith("-")) {
      if (command !== "machine exec") unexpected(word, false)
      rest = words.slice(i)
      break
    }
    const equals = word.startsWith("--") ? word.indexOf("=") : -1
    const given = equals === -1 ? word : word.slice(0, equals)
    const option = known.find(({ names }) => names.includes(given))
    if (option === undefined || option.long === "--help") unexpected(given, true)
    const { long, kind, value: shape } = option
    const key = long.slice(2)
    if (kind !== "values" && key in options) {
      usage(`the argument '${shape ? `${long} ${shape}` : long}' cannot be used multiple times`, {
        line: generic,
      })
    }
    if (!used.includes(long)) used.push(long)
    if (kind === "flag") {
      options[key] = true
      continue
    }
    const value = equals === -1 ? words[++i] : word.slice(equals + 1)
    if (value === undefined) usage(`a value is required for '${long} ${shape}' but none was supplied`)
    if (kind === "values") (options[key] ??= []).push(value)
    else options[key] = value
    if (long === "--cpus" && !(/^\d+$/.test(value) && Number(value) <= 255)) {
      usage(
        `invalid value '${value}' for '--cpus <N>': ${/^\d+$/.test(value) ? `${value} is not in 0..=255` : "invalid digit found in string"}`,
      )
    }
    if (long === "--mem" && !/^\d+$/.test(value)) {
      usage(`invalid value '${value}' for '--mem <MiB>': invalid digit found in string`)
    }
  }

  if (command === "machine create" && options.from && options.image) {
    usage("the argument '--from <PATH>' cannot be used with '--image <IMAGE>'", { line: lineOf(["--image"]) })
  }
  if (
    command === "machine exec" &&
    options.detach &&
    (options.interactive || options.tty || options.stream)
  ) {
    usage("the argument '--detach' cannot be used with '--interactive'", { line: lineOf() })
  }
  if (command === "machine exec" && rest.length === 0) missing("<COMMAND>...")
  if (command === "machine delete" && options.name === undefined) missing("--name <NAME>")
  if (command === "pack create") {
    const source = options.image ?? options["from-vm"] ?? options.smolfile
    if (source === undefined) used.push("--image")
    const absent = [
      ...(options.output === undefined ? ["--output <PATH>"] : []),
      ...(source === undefined ? ["--image <IMAGE>"] : []),
    ]
    if (absent.length > 0) missing(...absent)
  }
  return { options, rest }
}

/** Which command the words name; `--help` of all, of a group and of a command is answered here. */
export function commandOf([group, command, ...words], newer) {
  if (group === "--help") print(helps.get(""))
  const subcommands = helps.get(group)
  if (subcommands === undefined || group === "" || group.includes(" ")) {
    usage(`unrecognized subcommand '${group ?? ""}'`, { line: "<COMMAND>" })
  }
  if (command === "--help") print(subcommands)
  const found = [...subcommands.matchAll(/^ {2}([a-z][\w-]*) .*?(?:\[aliases: (\w+)\])?$/gm)].find(
    ([, name, alias]) => name === command || (alias !== undefined && alias === command),
  )
  if (found === undefined) usage(`unrecognized subcommand '${command ?? ""}'`, { line: `${group} <COMMAND>` })
  const name = `${group} ${found[1]}`
  return helpOf(name, newer) === undefined ? { name } : { name, ...parse(name, words, newer) }
}

function print(text) {
  process.stdout.write(text)
  process.exit(0)
}
