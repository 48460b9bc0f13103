/** `version` and `help COMMAND`, as commands in addition to the options. */
import { Args, Command } from "@effect/cli"
import { VERSION } from "../domain/Version.ts"
import { rootHelp } from "./help.ts"
import { printLine } from "./output.ts"

/** `version` */
export const version = Command.make("version", {}, () => printLine(VERSION)).pipe(
  Command.withDescription("Print the version"),
)

const about = Args.text({ name: "command" }).pipe(
  Args.withDescription("The command, with its group if it has one"),
  Args.repeated,
)

/** `help COMMAND`; with a command it is read as `COMMAND --help`. */
export const help = Command.make("help", { about }, () => printLine(rootHelp())).pipe(
  Command.withDescription("Show the help of a command"),
)
