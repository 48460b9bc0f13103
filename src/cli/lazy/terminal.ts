/** Agents on the operator's terminal. When the terminal is detached or closed, a separate process watches the agent. */
import { Effect } from "effect"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import * as programs from "../../programs/interactive.ts"
import type { Confirm } from "../../programs/interactive.ts"
import type { HandOver, ResumeOptions, StartOptions, WatchOptions } from "../../programs/options.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { note } from "../output.ts"

const FIRST_LINE_MS = 10_000

/**
 * Starts a process in its own session that runs `watch SLUG`, in this process's environment, which contains the routes' secrets. Returns
 * its process ID.
 */
const watcher = Effect.fn("startWatcher")(function* (slug: string, rm: boolean) {
  const runner = yield* ProcessRunner
  const { pid } = yield* runner.detached({
    command: process.execPath,
    args: [...process.execArgv, process.argv[1] ?? "", "watch", slug, ...(rm ? ["--rm"] : [])],
    env: Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ""])),
    firstLineMs: FIRST_LINE_MS,
  })
  return pid
}, Effect.provide(NodeProcessRunner.layer))

const handOver: HandOver = (slug) =>
  watcher(slug, false).pipe(
    Effect.flatMap((pid) => note(`\nits limits are enforced by process ${pid}`)),
    Effect.catchAll((error) =>
      note(`\nnobody keeps its limits (${error.message}): "bot-bottle watch ${slug}" does`),
    ),
  )

/** Has another process wait for an agent, store how it ended, and destroy its bottle if `rm` is set. */
export const watchInBackground = (slug: string, rm: boolean) =>
  Effect.catchAll(watcher(slug, rm), (error) =>
    note(
      `warning: the agent runs, but no process watches it (${error.message}): "bot-bottle watch ${slug}${rm ? " --rm" : ""}" does`,
    ),
  )

/** `startInteractive`, with such a watcher. */
export const startInteractive = <E, R>(agent: string, options: StartOptions, confirm: Confirm<E, R>) =>
  programs.startInteractive(agent, { ...options, handOver }, confirm)

/** `resumeInteractive`, with such a watcher. */
export const resumeInteractive = <E, R>(name: string, options: ResumeOptions, confirm: Confirm<E, R>) =>
  programs.resumeInteractive(name, { ...options, handOver }, confirm)

/** `attach`, with such a watcher. */
export const attach = (name: string, options: WatchOptions) => programs.attach(name, { ...options, handOver })
