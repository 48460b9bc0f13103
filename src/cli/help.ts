/** Help of the root and of groups: one line per command. Help of a command: all of its arguments and options. */
import { Console, Effect } from "effect"
import { stripVTControlCharacters } from "node:util"
import { VERSION } from "../domain/Version.ts"
import { neutral } from "../domain/Neutral.ts"
import { type Entry, commandHelp, exampleLines, optionEntry, section } from "./line/commandHelp.ts"
import { GLOBALS } from "./line/globals.ts"
import type { CommandInfo } from "./line/tree.ts"
import { type Line, bold, isColour } from "./output.ts"

/** Commands of the root, by purpose. */
export const ROOT: Readonly<Record<string, ReadonlyArray<Entry>>> = {
  "To begin": [
    ["demo", "the main job on this machine, on a simulated forge"],
    ["doctor", "what is there, what is missing, and what to do"],
    ["verify", "try every way out of a real bottle that must be closed"],
    ["init", "write example manifests into the home"],
    ["trust [PATH]", "let the manifests of a working directory be used"],
  ],
  "A bottle": [
    ["start [AGENT]", "launch an agent in a bottle, on this terminal or on a prompt"],
    ["resume SLUG", "start it again from where it was"],
    ["stop SLUG...", "end its agent; the bottle is kept"],
    ["freeze SLUG...", "turn it into an artifact; nothing of it runs after"],
    ["destroy SLUG...", "remove all there is of it"],
  ],
  "What it does": [
    ["list", "every bottle and what it is now"],
    ["logs SLUG", "what its agent wrote"],
    ["log SLUG", "what it did at its neck: its operation log"],
    ["inspect SLUG", "all that is known of it"],
    ["watch SLUG", "wait for its agent, and keep its limits until then"],
    ["attach SLUG", "return to an agent's terminal, or follow the output of a headless one"],
    ["shell SLUG", "a shell in it, as its agent's user"],
    ["cp SOURCE DEST", "a file or folder out of it, or a file into it: one is SLUG:PATH"],
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
  Other: [
    ["gc", "remove what no bottle needs any more"],
    ["version", "print the version"],
    ["help COMMAND", "the help of a command"],
  ],
}

/** The subjects of a group's commands. The root lists them on one line. */
const GROUPS: Readonly<Record<string, string>> = {
  orchestrate: "issues of a forge",
  provenance: "the proof of what a bottle did",
}

/** Help of `bot-bottle` itself. */
export const rootHelp = (): ReadonlyArray<Line> => {
  const shown = Object.entries(ROOT).map(([title, lines]) => [title, withoutGroups(lines)] as const)
  const width = Math.max(...shown.flatMap(([, lines]) => lines.map(([term]) => term.length)))
  return [
    bold("Usage:", " bot-bottle COMMAND [OPTIONS] [ARGUMENTS]"),
    "",
    `Coding agents work on issues, in bottles without network and without credentials (${VERSION})`,
    "",
    ...shown.flatMap(([title, lines]) => section(title, lines, width).slice(0, -1)),
    "",
    ...section("Options of every command", GLOBALS.map(optionEntry)),
    ...exampleLines([]),
    "",
    `"bot-bottle COMMAND --help" shows the options of a command`,
  ]
}

/** Merges the entries of a group into one. */
const withoutGroups = (lines: ReadonlyArray<Entry>): ReadonlyArray<Entry> => {
  const groupOf = ([term]: Entry) => Object.keys(GROUPS).find((group) => term.startsWith(`${group} `))
  const nameOf = ([term]: Entry) => term.split(" ")[1] ?? ""
  return lines.flatMap((line, at): ReadonlyArray<Entry> => {
    const group = groupOf(line)
    if (group === undefined) return [line]
    if (lines.findIndex((other) => groupOf(other) === group) !== at) return []
    const names = [...new Set(lines.filter((other) => groupOf(other) === group).map(nameOf))]
    return [[`${group} COMMAND`, `${GROUPS[group]}: ${names.join(", ")}`]]
  })
}

/** Help of a group. */
export const groupHelp = (group: string): ReadonlyArray<Line> => {
  const lines = Object.values(ROOT)
    .flat()
    .filter(([name]) => name.startsWith(`${group} `))
  return [
    bold("Usage:", ` bot-bottle ${group} COMMAND [OPTIONS] [ARGUMENTS]`),
    "",
    ...section("Commands", lines),
    ...exampleLines([group]),
    "",
    `"bot-bottle ${group} COMMAND --help" shows the options of a command`,
  ]
}

/** Help of the root, of a group or of a command. */
export const helpOf = (command: CommandInfo): ReadonlyArray<Line> => {
  const [group] = command.path
  if (group === undefined) return rootHelp()
  return command.children.length > 0 ? groupHelp(command.path.join(" ")) : commandHelp(command)
}

/**
 * Adapts what @effect/cli prints. It always uses colours; here only if the stream shows them. It quotes what was typed, which may be a
 * file name inserted by a shell: of its control characters only colours pass.
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
      : isColour(stream)
        ? neutralButColours(value)
        : neutral(stripVTControlCharacters(value))

/** Bold, italics, underlining, and colours except black, which would hide text. */
const CODE = "(?:[0134]|2[2-4]|3[1-79]|9[0-7])"
const COLOUR = new RegExp(`(${String.fromCharCode(27)}\\[${CODE}(?:;${CODE})*m)`)

const neutralButColours = (text: string): string =>
  text
    .split(COLOUR)
    .map((part, at) => (at % 2 === 1 ? part : neutral(part)))
    .join("")
