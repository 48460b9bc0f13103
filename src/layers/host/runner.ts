/** The small shell that owns an agent of the host backend, so that neither its output nor its exit code needs us. */
import { Effect, Option } from "effect"
import { readFileSync } from "node:fs"
import { dirname } from "node:path"
import { BackendUnavailable } from "../../domain/Errors.ts"
import type { Slug } from "../../domain/Slug.ts"
import type { ProcessError, ProcessSpec } from "../../services/ProcessRunner.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { enterFailure } from "../bottle/runFiles.ts"
import type { HomeShape } from "../home/Home.ts"
import { identify, ProcessIdentity, self } from "../process/ProcessIdentity.ts"
import type { BoxPaths } from "./box.ts"
import { boxPaths, failed, keep, lookAt, onDisk, readRunner, runnerLives } from "./box.ts"

/**
 * Leads a session of its own. The agent is its foreground child: one in the background would ignore SIGINT.
 * A trap that is not empty is not inherited, so the agent has its signals as ever. What the agent leaves behind is killed.
 * The parentheses keep the shell's own "Terminated" out of the agent's stderr.
 */
const RUNNER = `
control=$1 enter=$2
trap : TERM HUP INT QUIT
echo started
exec >/dev/null 2>&1
(exec "$enter" >"$control/stdout" 2>"$control/stderr" </dev/null)
echo $? >"$control/exit.new" && mv "$control/exit.new" "$control/exit"
kill -KILL 0
`

/** The same with our terminal: the agent writes to it alone. */
const INTERACTIVE_RUNNER = `
control=$1 enter=$2
trap : TERM HUP INT QUIT
"$enter"
echo $? >"$control/exit.new" && mv "$control/exit.new" "$control/exit"
`

const STOP_GRACE = "10 seconds"
const LOOK_INTERVAL = "30 millis"
const FIRST_LINE_MS = 5000

const specOf = (home: HomeShape, slug: string, script: string): Omit<ProcessSpec, "stdin"> => {
  const paths = boxPaths(home, slug)
  const terminal = process.env["TERM"]
  return {
    command: "sh",
    args: ["-c", script, "bot-bottle", paths.control, `${home.of(slug).neck}/bin/enter`],
    cwd: paths.workspace,
    env: {
      HOME: paths.agentHome,
      // The forge command needs a tool, and this one is there for certain.
      PATH: `${process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"}:${dirname(process.execPath)}`,
      BOT_BOTTLE_LOOPBACK: "1",
      ...(terminal === undefined ? {} : { TERM: terminal }),
    },
  }
}

const notRun = (slug: string) => (error: ProcessError) => failed("start", slug, error.message, error)

/** Starts a created bottle; one that runs is left alone. */
export const startBox = Effect.fn("Backend.start")(function* (home: HomeShape, slug: Slug) {
  const runner = yield* ProcessRunner
  const paths = boxPaths(home, slug)
  const bottle = yield* lookAt(home, slug)
  if (Option.isNone(bottle)) return yield* failed("start", slug, "there is no such bottle")
  if (bottle.value.state === "running") return
  if (bottle.value.state === "exited") {
    return yield* failed("start", slug, "it has run already: freeze and resume it")
  }
  const { pid } = yield* runner
    .detached({ ...specOf(home, slug, RUNNER), firstLineMs: FIRST_LINE_MS })
    .pipe(Effect.mapError(notRun(slug)))
  const found = yield* identify(pid)
  const identity = Option.getOrElse(found, () => ({ pid, startTime: "gone", bootId: "" }))
  yield* keep(paths.runner, ProcessIdentity, identity)
})

/** Gives the agent our terminal; the bottle runs for as long as we do. */
export const attachBox = Effect.fn("Backend.attach")(function* (home: HomeShape, slug: Slug) {
  const runner = yield* ProcessRunner
  const bottle = yield* lookAt(home, slug)
  if (!Option.exists(bottle, ({ state }) => state === "created")) {
    return yield* failed(
      "attach",
      slug,
      "an agent of the host backend has the terminal that it was started with",
    )
  }
  yield* keep(boxPaths(home, slug).runner, ProcessIdentity, yield* self)
  yield* runner.interactive(specOf(home, slug, INTERACTIVE_RUNNER)).pipe(Effect.mapError(notRun(slug)))
})

/** The exit code, once the agent has ended. */
export const waitForBox = Effect.fn("Backend.wait")(function* (home: HomeShape, slug: Slug) {
  while (true) {
    const bottle = yield* lookAt(home, slug)
    if (Option.isNone(bottle)) return yield* failed("wait", slug, "there is no such bottle")
    if (bottle.value.state === "created") return yield* failed("wait", slug, "it was never started")
    if (bottle.value.exitCode !== undefined) {
      return yield* agentsOwn(boxPaths(home, slug), slug, bottle.value.exitCode)
    }
    yield* Effect.sleep(LOOK_INTERVAL)
  }
})

/** An agent that was never reached has no exit code. */
const agentsOwn = Effect.fnUntraced(function* (paths: BoxPaths, slug: Slug, code: number) {
  if (code !== 125) return code
  const said = yield* Effect.orElseSucceed(
    onDisk("wait", slug, () => readFileSync(paths.stderr, "utf8").slice(-4096)),
    () => "",
  )
  return yield* Option.match(enterFailure(code, said), {
    onNone: () => Effect.succeed(code),
    onSome: (reason) => Effect.fail(new BackendUnavailable({ backend: "host", reason })),
  })
})

/** TERM to all of the agent's session, 10 s, KILL. */
export const stopBox = Effect.fn("Backend.stop")(function* (home: HomeShape, slug: Slug) {
  const paths = boxPaths(home, slug)
  const ended = Effect.gen(function* () {
    while ((yield* runnerLives(paths)) && Option.exists(yield* lookAt(home, slug), isRunning)) {
      yield* Effect.sleep(LOOK_INTERVAL)
    }
  })
  yield* signal(paths, "SIGTERM")
  const inTime = yield* Effect.timeoutOption(Effect.interruptible(ended), STOP_GRACE)
  if (Option.isSome(inTime)) return
  yield* signal(paths, "SIGKILL")
  yield* ended
})

/** Ends it at once: what is to be removed need not end well. */
export const killBox = Effect.fnUntraced(function* (paths: BoxPaths) {
  yield* signal(paths, "SIGKILL")
  while (yield* runnerLives(paths)) yield* Effect.sleep(LOOK_INTERVAL)
})

const isRunning = ({ state }: { readonly state: string }) => state === "running"

/** To the whole session's group, as long as its leader is the one we started. */
const signal = Effect.fnUntraced(function* (paths: BoxPaths, name: "SIGTERM" | "SIGKILL") {
  const runner = yield* readRunner(paths)
  if (Option.isNone(runner) || !(yield* runnerLives(paths))) return
  const { pid } = runner.value
  if (pid > 1 && pid !== process.pid) yield* Effect.ignore(Effect.try(() => process.kill(-pid, name)))
})
