/** Agents on the operator's terminal: one that is left at work, or whose terminal is closed, is watched by a process of its own. */
import { Effect } from "effect"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import * as programs from "../../programs/interactive.ts"
import type { Confirm } from "../../programs/interactive.ts"
import type { HandOver, ResumeOptions, StartOptions, WatchOptions } from "../../programs/options.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { note } from "../output.ts"

const FIRST_LINE_MS = 10_000

/** A process in a session of its own that runs `watch SLUG`, in the environment of this one: routes have their secrets there. */
const handOver: HandOver = (slug) =>
  Effect.gen(function* () {
    const runner = yield* ProcessRunner
    const { pid } = yield* runner.detached({
      command: process.execPath,
      args: [...process.execArgv, process.argv[1] ?? "", "watch", slug],
      env: Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ""])),
      firstLineMs: FIRST_LINE_MS,
    })
    yield* note(`\nits limits are kept by process ${pid}`)
  }).pipe(
    Effect.catchAll((error) =>
      note(`\nnobody keeps its limits (${error.message}): "bot-bottle watch ${slug}" does`),
    ),
    Effect.provide(NodeProcessRunner.layer),
  )

/** `startInteractive` of the programs. */
export const startInteractive = <E, R>(agent: string, options: StartOptions, confirm: Confirm<E, R>) =>
  programs.startInteractive(agent, { ...options, handOver }, confirm)

/** `resumeInteractive` of the programs. */
export const resumeInteractive = <E, R>(name: string, options: ResumeOptions, confirm: Confirm<E, R>) =>
  programs.resumeInteractive(name, { ...options, handOver }, confirm)

/** `attach` of the programs. */
export const attach = (name: string, options: WatchOptions) => programs.attach(name, { ...options, handOver })
