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
  "Getting started": [
    ["demo", "run the whole loop on this machine, on a simulated forge"],
    ["doctor", "check what is installed, what is missing, and how to fix it"],
    ["verify", "try every way out of a real bottle that must be closed"],
    ["init", "write example manifests"],
    ["trust [PATH]", "allow the manifests of a working directory"],
  ],
  Bottles: [
    ["start [AGENT]", "launch an agent in a bottle, on this terminal or with a prompt"],
    ["resume SLUG", "start a bottle again where it stopped"],
    ["stop SLUG...", "end the agent and keep the bottle"],
    ["freeze SLUG...", "save a bottle as an artifact; nothing of it keeps running"],
    ["destroy SLUG...", "remove everything of a bottle"],
  ],
  "Inspect bottles": [
    ["list", "list bottles with their current state"],
    ["logs SLUG", "print the output of the agent"],
    ["log SLUG", "print the operation log: every call at the neck"],
    ["inspect SLUG", "show everything known about a bottle"],
    ["requests [SLUG]", "list what agents ask for"],
    ["approve ID", "give an agent what it asks for, for one run"],
    ["deny ID", "refuse what an agent asks for"],
    ["answer ID TEXT", "answer a question of an agent"],
    ["watch SLUG", "wait for the agent to end, and enforce its limits"],
    ["attach SLUG", "return to the terminal of an agent, or follow a headless one"],
    ["shell SLUG", "open a shell in a running bottle, as its agent's user"],
    ["cp SOURCE DEST", "copy files out of a bottle, or a file into one: one is SLUG:PATH"],
    ["provenance show SLUG", "show the signed statements about a bottle's runs, even after destroy"],
    ["provenance verify SLUG", "check that the operation log and its statements are complete"],
    ["provenance export SLUG", "export statements and log to one file, for an auditor"],
    ["provenance key", "print the current public key"],
    ["provenance rotate", "make a new signing key"],
  ],
  "Forge issues": [
    ["orchestrate serve", "carry issues from their label to a merged pull request, until interrupted"],
    ["orchestrate status", "show which bottle handles which issue, and what each issue waits for"],
    ["orchestrate open", "print a link that signs an operator in to the HTTP interface, once"],
    ["orchestrate pause", "start nothing new; running agents continue"],
    ["orchestrate continue", "let agents start again"],
    ["orchestrate retry ISSUE", "retry an issue that was given up or set aside"],
    ["orchestrate hook install PLACE", "create the forge's webhook for OWNER/REPO or an organisation"],
    ["orchestrate hook check PLACE", "check that webhook and send a test delivery"],
    ["orchestrate start", "launch an agent on the issue that FORGE_* names"],
    ["orchestrate resume", "resume the bottle of the issue that FORGE_* names"],
    ["orchestrate assign", "set the forge of a bottle's issue"],
  ],
  Other: [
    ["gc", "remove what no bottle needs any more"],
    ["backup FILE", "back up the home to one file"],
    ["restore FILE", "restore a back-up into a home that does not exist yet"],
    ["version", "print the version"],
    ["help COMMAND", "show the help of a command"],
  ],
}

/** The subjects of a group's commands. The root lists them on one line. */
const GROUPS: Readonly<Record<string, string>> = {
  orchestrate: "issues of a forge",
  provenance: "proof of what a bottle did",
}

/** Commands that the root lists on the line of another. */
const DECIDING: ReadonlySet<string> = new Set(["approve ID", "deny ID", "answer ID TEXT"])
const REQUESTS: Entry = ["requests, approve, deny, answer", "list what agents ask for, and decide"]

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
    if (DECIDING.has(line[0])) return []
    if (line[0] === "requests [SLUG]") return [REQUESTS]
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
