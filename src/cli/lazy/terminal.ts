/** Agents on the operator's terminal. When the terminal is detached or closed, a separate process watches the agent. */
import { Effect } from "effect"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import * as programs from "../../programs/interactive.ts"
import type { Confirm } from "../../programs/interactive.ts"
import type { HandOver, ResumeOptions, StartOptions, WatchOptions } from "../../programs/options.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { note } from "../output.ts"

const FIRST_LINE_MS = 10_000

/** A process in its own session that runs `watch SLUG` in this process's environment, which contains the routes' secrets. */
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

/** `startInteractive`, with such a watcher. */
export const startInteractive = <E, R>(agent: string, options: StartOptions, confirm: Confirm<E, R>) =>
  programs.startInteractive(agent, { ...options, handOver }, confirm)

/** `resumeInteractive`, with such a watcher. */
export const resumeInteractive = <E, R>(name: string, options: ResumeOptions, confirm: Confirm<E, R>) =>
  programs.resumeInteractive(name, { ...options, handOver }, confirm)

/** `attach`, with such a watcher. */
export const attach = (name: string, options: WatchOptions) => programs.attach(name, { ...options, handOver })
