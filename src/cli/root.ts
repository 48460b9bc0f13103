/** The command tree, and how to run it. */
import { Command } from "@effect/cli"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { Effect, Exit, Layer, LogLevel, Logger, Option, identity } from "effect"
import { VERSION } from "../domain/Version.ts"
import { attach, shell } from "./attach.ts"
import { backup, restore } from "./backup.ts"
import { check } from "./check.ts"
import { complete } from "./completions.ts"
import { cp } from "./cp.ts"
import { demo } from "./demo.ts"
import { doctor } from "./doctor.ts"
import { reportFailures } from "./failure.ts"
import { gc } from "./gc.ts"
import { helpOf, rootHelp, withPlainConsole } from "./help.ts"
import { inspect } from "./inspect.ts"
import { init } from "./init.ts"
import { destroy, freeze, stop } from "./lifecycle.ts"
import { completionScript } from "./line/completionScripts.ts"
import { levelOf } from "./line/globals.ts"
import { type Line, readLine } from "./line/read.ts"
import { commandAt, treeOf } from "./line/tree.ts"
import { list } from "./list.ts"
import { stderrLogger } from "./log.ts"
import { logs } from "./logs.ts"
import { log } from "./operationLog.ts"
import { orchestrate } from "./orchestrate.ts"
import { note, outputClosed, outputFailure, printLine } from "./output.ts"
import { progressOf } from "./progress.ts"
import { provenance } from "./provenance.ts"
import { answer, approve, deny, requests } from "./requests.ts"
import { resume } from "./resume.ts"
import { sidecar } from "./sidecar.ts"
import { start } from "./start.ts"
import { debugLines, withSteps } from "./steps.ts"
import { trust } from "./trust.ts"
import { help, version } from "./version.ts"
import { watch } from "./watch.ts"
import { verify } from "./verify.ts"

/** The command tree. */
export const root = Command.make("bot-bottle", {}, () => printLine(rootHelp())).pipe(
  Command.withDescription("Coding agents work on issues, in bottles without network and without credentials"),
  Command.withSubcommands([
    init,
    trust,
    doctor,
    start,
    resume,
    attach,
    watch,
    shell,
    stop,
    freeze,
    destroy,
    list,
    logs,
    log,
    inspect,
    requests,
    approve,
    deny,
    answer,
    cp,
    gc,
    verify,
    provenance,
    backup,
    restore,
    orchestrate,
    sidecar,
    demo,
    version,
    help,
  ]),
)

/** The minimal services for a command line: `NodeContext` also provides workers, which takes as long as reading the line. */
const context = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeTerminal.layer,
  Logger.replace(Logger.defaultLogger, stderrLogger),
)

/** The command tree, for help, usage errors and completions. */
export const tree = treeOf(root)

const runRoot = Command.run(root, { name: "bot-bottle", version: VERSION })

const perform = Effect.fnUntraced(function* (line: Line) {
  switch (line._tag) {
    case "Help":
      return yield* printLine(helpOf(line.command))
    case "Version":
      return yield* printLine(VERSION)
    case "Completions":
      return yield* printLine(completionScript(line.shell))
    case "Check":
      return yield* check(tree)
    case "Complete":
      return yield* complete(tree, line.words)
    case "Run": {
      const { path } = commandAt(tree, line.argv).command
      const level = levelOf(line.logLevel ?? "info")
      const progress = progressOf(path, line.argv)
      const listeners = [
        ...(LogLevel.lessThanEqual(level, LogLevel.Debug) ? [debugLines()] : []),
        ...(progress === undefined ? [] : [progress.listener]),
      ]
      return yield* runRoot([...PROGRAM, ...line.argv]).pipe(
        Effect.withSpan(["bot-bottle", ...path].join(" ")),
        withSteps(listeners),
        progress?.during ?? identity,
        Logger.withMinimumLogLevel(level),
      )
    }
  }
})

/** The words before those of a command line. */
const PROGRAM = ["node", "bot-bottle"]

const command = Effect.flatMap(
  Effect.suspend(() => readLine(tree, process.argv.slice(2))),
  perform,
).pipe(withPlainConsole, reportFailures(process.argv.includes("--json")), Effect.provide(context))

/** Exit code of a command that Ctrl-C ended. */
const INTERRUPTED = 130
/** Exit code of a command whose reader is gone, as of a program ended by SIGPIPE. */
const READER_GONE = 141
/** Exit code of bot-bottle's own failure. */
const OWN_FAILURE = 125

/** The errors of a pipe without a reader, and of a closed terminal. */
const GONE = new Set(["EPIPE", "EIO", "ECONNRESET", "ERR_STREAM_DESTROYED"])

const exitCodeOf = ({ code = "" }: NodeJS.ErrnoException): Effect.Effect<number> =>
  GONE.has(code)
    ? Effect.succeed(READER_GONE)
    : Effect.as(note(`bot-bottle: cannot write its output (${code})`), OWN_FAILURE)

/** A command whose output is closed is interrupted, as by Ctrl-C, and cleans up. */
const program = Effect.gen(function* () {
  yield* Effect.raceFirst(command, outputClosed)
  const failure = yield* outputFailure
  if (Option.isSome(failure)) process.exitCode = yield* exitCodeOf(failure.value)
})

/** Runs the command line of this process and sets its exit code. */
export const run = (): void => {
  // A closed terminal interrupts a command like TERM, so that it cleans up.
  process.once("SIGHUP", () => process.kill(process.pid, "SIGTERM"))
  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit) => process.exit(process.exitCode ?? (Exit.isInterrupted(exit) ? INTERRUPTED : 0)),
  })
}
