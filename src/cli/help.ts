/** Help of the commands that have others below them: what there is, in a line each, and what to do next. */
import { Console, Effect } from "effect"
import { stripVTControlCharacters } from "node:util"
import { VERSION } from "../domain/Version.ts"
import { neutral } from "../domain/Neutral.ts"
import { mendCompletions } from "./completions.ts"
import { type Line, bold, isColour } from "./output.ts"

type Lines = ReadonlyArray<readonly [string, string]>

/** Commands of the root, by what they are for. */
export const ROOT: Readonly<Record<string, Lines>> = {
  "To begin": [
    ["demo", "the main job on this machine, with a simulated forge and scripted agents"],
    ["doctor", "what is there, what is missing, and what to do"],
    ["verify", "try every way out of a real bottle that is promised to be closed"],
    ["init", "write example manifests into the home"],
    ["trust [PATH]", "let the manifests of a working directory be used"],
  ],
  "A bottle": [
    ["start [AGENT]", "launch an agent in a bottle, on this terminal or headless on a prompt"],
    ["resume SLUG", "start it again from where it was"],
    ["stop SLUG", "end its agent; the bottle is kept"],
    ["freeze SLUG", "turn it into an artifact; nothing of it runs after"],
    ["destroy SLUG", "remove all there is of it"],
  ],
  "What it does": [
    ["list", "every bottle and what it is now"],
    ["logs SLUG", "what its agent wrote"],
    ["watch SLUG", "wait for its agent, and keep its limits until then"],
    ["attach SLUG", "come back to the terminal of an agent that was left at work"],
    ["shell SLUG", "a shell in it, as its agent's user"],
    ["cp SLUG:PATH DEST", "a file or folder out of it"],
    ["provenance verify SLUG", "whether its operation log is whole"],
  ],
  "Issues of a forge": [
    ["orchestrate serve", "carry issues from their label to a merged pull request, until it is ended"],
    ["orchestrate status", "which bottle handles which issue, what waits for what, and why"],
    ["orchestrate pause", "have nothing start; agents at work go on"],
    ["orchestrate continue", "let agents start again"],
    ["orchestrate retry ISSUE", "try one again that was given up or set aside"],
    ["orchestrate hook install PLACE", "make the forge's webhook for OWNER/REPO or an organisation"],
    ["orchestrate hook check PLACE", "whether that webhook is right, and delivers"],
    ["orchestrate start", "launch an agent on the issue that FORGE_* names"],
    ["orchestrate resume", "resume the bottle of that issue"],
    ["orchestrate assign", "say at which forge a bottle's issue is"],
  ],
  "To clean up": [["gc", "remove what no bottle needs any more"]],
}

/** Options that every command has. */
const OPTIONS: Lines = [
  ["-h, --help", "the options of a command"],
  ["--version", "the version"],
  ["--completions SHELL", "completions for sh, bash, fish or zsh, on stdout"],
  ["--log-level LEVEL", "none, error, warning, info or debug"],
]

const sections = (all: Readonly<Record<string, Lines>>): ReadonlyArray<Line> => {
  const width = Math.max(...Object.values(all).flatMap((lines) => lines.map(([name]) => name.length)))
  return Object.entries(all).flatMap(([title, lines]) => {
    const head: ReadonlyArray<Line> = [bold(title)]
    return head.concat(
      lines.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`),
      "",
    )
  })
}

/** Help of `bot-bottle` itself. */
export const rootHelp = (): ReadonlyArray<Line> => [
  bold(
    "bot-bottle",
    ` ${VERSION}: coding agents work on issues, in bottles without network and without credentials`,
  ),
  "",
  "usage: bot-bottle COMMAND ...",
  "",
  ...sections({ ...ROOT, Options: OPTIONS }),
  `"bot-bottle COMMAND --help" shows the options of a command. Next: bot-bottle doctor`,
]

/** Help of a command of the root that has others below it. */
export const groupHelp = (group: string): ReadonlyArray<Line> => {
  const lines = Object.values(ROOT)
    .flat()
    .filter(([name]) => name.startsWith(`${group} `))
  return [
    `usage: bot-bottle ${group} COMMAND ...`,
    "",
    ...sections({ Commands: lines }),
    `"bot-bottle ${group} COMMAND --help" shows the options of a command`,
  ]
}

/** Commands that have others below them. */
const GROUPS = new Set(["orchestrate", "provenance"])

/** Asked for help, the root and its groups answer as they do without a command. */
export const withoutHelpFlag = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const args = argv.slice(2)
  const last = args.at(-1)
  const asked = last === "--help" || last === "-h" || (last === "help" && args.length === 1)
  const [group] = args
  const own = args.length === 1 || (args.length === 2 && group !== undefined && GROUPS.has(group))
  return asked && own ? argv.slice(0, -1) : argv
}

/**
 * What @effect/cli prints has colours always: here only where the stream shows them. It quotes what was typed, which may
 * be a file's name that a shell put there: of its control characters only colours pass. Its completions are mended.
 */
export const withPlainConsole = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.console, (console) =>
    Effect.withConsole(effect, {
      ...console,
      [Console.TypeId]: Console.TypeId,
      log: (...args) => console.log(...args.map(plainOn(process.stdout))),
      error: (...args) => console.error(...args.map(plainOn(process.stderr))),
    }),
  )

const plainOn =
  (stream: NodeJS.WriteStream) =>
  (value: unknown): unknown =>
    typeof value !== "string"
      ? value
      : mendCompletions(
          isColour(stream) ? neutralButColours(value) : neutral(stripVTControlCharacters(value)),
        )

/** Bold, italics, underlining, and colours but black, which would hide text. */
const CODE = "(?:[0134]|2[2-4]|3[1-79]|9[0-7])"
const COLOUR = new RegExp(`(${String.fromCharCode(27)}\\[${CODE}(?:;${CODE})*m)`)

const neutralButColours = (text: string): string =>
  text
    .split(COLOUR)
    .map((part, at) => (at % 2 === 1 ? part : neutral(part)))
    .join("")
