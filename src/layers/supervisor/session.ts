/**
 * The small shell that owns the agent of a backend without an engine, in its own session, so that neither output nor exit code depends
 * on this process.
 */
import { Effect, Option } from "effect"
import { readFileSync } from "node:fs"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import type { ProcessSpec } from "../../services/ProcessRunner.ts"
import { enterError, enterFailure } from "../bottle/runFiles.ts"
import { identify, self } from "../process/ProcessIdentity.ts"
import { ProcessIdentity } from "../../domain/ProcessIdentity.ts"
import type { Control } from "./control.ts"
import { failure, keep, lookAt, onFiles, readSupervisor, supervisorLives } from "./control.ts"

const LOOK_INTERVAL = "30 millis"
const FIRST_LINE_MS = 5000

/**
 * A script for `sh -c` whose first argument is the control directory. It prints "started"; the output of `run` goes to the run's files.
 * `run` is its foreground child: a background one would ignore SIGINT. A nonempty trap is not inherited, so `run` has default signal
 * handlers; the parentheses keep the shell's own "Terminated" out of its stderr. `after` runs before the code is recorded (as `$code`)
 * and `finally` after it, and then the remaining processes are killed.
 */
export const detachedScript = (run: string, outputBytes: number, after = "", last = ""): string => `
control=$1; shift
trap : TERM HUP INT QUIT
echo started
exec >/dev/null 2>&1
${eachSecond(outputBytes)} &
(exec ${run} >>"$control/stdout" 2>>"$control/stderr" </dev/null)
code=$?
${after}
echo $code >"$control/exit.new" && mv "$control/exit.new" "$control/exit"
${last}
kill -KILL 0
`

/**
 * Cuts the run's files whenever they are larger than the limit. The agent appends, and neither blocks nor sees an error. One byte more
 * than the limit stays, so that a reader sees that there was more. Notes the sizes of both files when they have changed, after the
 * second in which they were seen, so that a later reader knows when the output was written.
 */
const eachSecond = (bytes: number): string => `(
  trap '' TERM HUP INT QUIT
  seen=
  while kill -0 $$ && sleep 1; do
    find "$control/stdout" "$control/stderr" -size +${bytes + 1}c | while read -r file; do
      dd if=/dev/null of="$file" bs=1 seek=${bytes + 1}
    done
    sizes="$(wc -c <"$control/stdout") $(wc -c <"$control/stderr")"
    [ "$sizes" = "$seen" ] || echo $(date +%s) $sizes >>"$control/times"
    seen=$sizes
  done
)`

/** The same with our terminal, which only the agent writes to. */
export const interactiveScript = (run: string, after = "", last = ""): string => `
control=$1; shift
trap : TERM HUP INT QUIT
${run}
code=$?
${after}
echo $code >"$control/exit.new" && mv "$control/exit.new" "$control/exit"
${last}
`

/** Starts the session of a created bottle. Does nothing when it is already running. */
export const startSession = Effect.fn("Supervisor.start")(function* (
  control: Control,
  spec: Omit<ProcessSpec, "stdin">,
) {
  const runner = yield* ProcessRunner
  const bottle = yield* lookAt(control)
  if (Option.isNone(bottle)) return yield* failure(control, "start", "there is no such bottle")
  if (bottle.value.state === "running") return
  if (bottle.value.state === "exited") {
    return yield* failure(control, "start", "it has run already: freeze and resume it")
  }
  const { pid } = yield* runner
    .detached({ ...spec, firstLineMs: FIRST_LINE_MS })
    .pipe(Effect.mapError((error) => failure(control, "start", error.message, error)))
  const found = yield* identify(pid)
  const identity = Option.getOrElse(found, () => ({ pid, startTime: "gone", bootId: "" }))
  yield* keep(control, control.supervisor, ProcessIdentity, identity)
})

/** Connects our terminal to the agent. The bottle runs as long as this process. */
export const attachSession = Effect.fn("Supervisor.attach")(function* (
  control: Control,
  spec: Omit<ProcessSpec, "stdin">,
) {
  const runner = yield* ProcessRunner
  const bottle = yield* lookAt(control)
  if (!Option.exists(bottle, ({ state }) => state === "created")) {
    return yield* failure(
      control,
      "attach",
      `an agent of the ${control.backend} backend has the terminal that it was started with`,
    )
  }
  yield* keep(control, control.supervisor, ProcessIdentity, yield* self)
  yield* runner
    .interactive(spec)
    .pipe(Effect.mapError((error) => failure(control, "start", error.message, error)))
})

/** The exit code, once the agent has ended. */
export const waitForEnd = Effect.fn("Backend.wait")(function* (control: Control) {
  while (true) {
    const bottle = yield* lookAt(control)
    if (Option.isNone(bottle)) return yield* failure(control, "wait", "there is no such bottle")
    if (bottle.value.state === "created") return yield* failure(control, "wait", "it was never started")
    if (bottle.value.exitCode !== undefined) return yield* agentsOwn(control, bottle.value.exitCode)
    yield* Effect.sleep(LOOK_INTERVAL)
  }
})

/** The end of the run's stderr. */
export const stderrTail = (control: Control): Effect.Effect<string> =>
  Effect.orElseSucceed(
    onFiles(control, "wait", () => readFileSync(control.stderr, "utf8").slice(-4096)),
    () => "",
  )

/** An agent that never started has no exit code. */
const agentsOwn = Effect.fnUntraced(function* (control: Control, code: number) {
  if (code !== 125) return code
  return yield* Option.match(enterFailure(code, yield* stderrTail(control)), {
    onNone: () => Effect.succeed(code),
    onSome: (cause) => Effect.fail(enterError(control.backend, control.slug, cause)),
  })
})

/** Waits until the agent or its supervisor has ended. */
export const ended = Effect.fnUntraced(function* (control: Control) {
  while ((yield* supervisorLives(control)) && Option.exists(yield* lookAt(control), isRunning)) {
    yield* Effect.sleep(LOOK_INTERVAL)
  }
})

/** Kills the session at once: what will be removed need not shut down cleanly. */
export const killSession = Effect.fnUntraced(function* (control: Control) {
  yield* signalSession(control, "SIGKILL")
  while (yield* supervisorLives(control)) yield* Effect.sleep(LOOK_INTERVAL)
})

const isRunning = ({ state }: { readonly state: string }) => state === "running"

/** Signals the whole session's group, if its leader is still the process that we started. */
export const signalSession = Effect.fnUntraced(function* (control: Control, name: "SIGTERM" | "SIGKILL") {
  const supervisor = yield* readSupervisor(control)
  if (Option.isNone(supervisor) || !(yield* supervisorLives(control))) return
  const { pid } = supervisor.value
  if (pid > 1 && pid !== process.pid) yield* Effect.ignore(Effect.try(() => process.kill(-pid, name)))
})
