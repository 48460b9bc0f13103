/**
 * Runs an agent in a machine: a supervisor on the host owns the client of `machine exec`, and a wrapper in the machine records the exit
 * code.
 */
import { Effect, Option, Schedule } from "effect"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { ProcessSpec } from "../../services/ProcessRunner.ts"
import { outputLimit } from "../bottle/cutOutput.ts"
import { NECK_MOUNT } from "../bottle/runFiles.ts"
import type { Control, RunRecord } from "../supervisor/control.ts"
import {
  failure,
  lookAt,
  onFiles,
  readRecord,
  readSupervisor,
  supervisorLives,
} from "../supervisor/control.ts"
import {
  attachSession,
  detachedScript,
  ended,
  interactiveScript,
  killSession,
  startSession,
  stderrTail,
  waitForEnd,
} from "../supervisor/session.ts"
import { execArguments, inMachine, stopMachine } from "./machine.ts"
import type { SmolvmCall, Smolvm } from "./smolvm.ts"
import { errorLine } from "./smolvm.ts"
import { asAgent } from "./user.ts"

/** Files of the wrapper in the machine. /tmp is empty after each start. */
const PID = "/tmp/.bot-bottle-pid"
const EXIT = "/tmp/.bot-bottle-exit"

/** The agent's own streams bypass the wrapper, which prints nothing itself. `bin/enter` checks its user. */
const wrapper = (user: string) => `exec 3>&2 2>/dev/null
rm -f ${EXIT}
/bin/sh -c 'echo $$ >${PID}; exec 2>&3 3>&-; export BOT_BOTTLE_USER=${user}; exec ${NECK_MOUNT}/bin/enter'
code=$?
echo $code >${EXIT}.new && mv ${EXIT}.new ${EXIT}
exit $code`

/**
 * In the client's command line, `$1` is the program and `$5` the machine's name. The client's exit code may be smolvm's own (1, 124,
 * 130), so the machine is asked for the agent's. If none was recorded it is lost, and the client's is stored beside it. Then the
 * machine stops: it has nothing more to do.
 */
const ASK = `
told=$("$1" machine exec --name "$5" --interactive -- /bin/sh -c 'cat ${EXIT}' </dev/null 2>/dev/null)
case $told in
  ''|*[!0-9]*) echo $code >"$control/lost"; code=137 ;;
  *) code=$told ;;
esac`
const STOPPED = "stopped"
const STOP = `"$1" machine stop --name "$5" </dev/null >/dev/null 2>&1 && : >"$control/${STOPPED}"`

const STOP_GRACE = "10 seconds"
const KILL_GRACE = "5 seconds"

/** Shared state of the operations on a run. */
export interface Machine {
  readonly smolvm: Smolvm
  readonly control: Control
  readonly name: string
}

/** User and working directory of the agent of a created bottle. */
export const recordOf = Effect.fnUntraced(function* (control: Control) {
  const { user, workdir } = Option.getOrElse(yield* readRecord(control), (): Partial<RunRecord> => ({}))
  return user === undefined || workdir === undefined
    ? yield* failure(control, "read", "there is no record of its user and working directory")
    : { user, workdir }
})

const specOf = Effect.fnUntraced(function* ({ smolvm, control, name }: Machine, terminal: boolean) {
  const { user, workdir } = yield* recordOf(control)
  const { command, ...options } = asAgent(yield* smolvm.features, user, ["/bin/sh", "-c", wrapper(user)])
  const client = execArguments(name, command, { ...options, workdir, terminal })
  const script = terminal
    ? interactiveScript('"$@"', ASK, STOP)
    : detachedScript('"$@"', yield* outputLimit(control.outputLimit), ASK, STOP)
  const spec: Omit<ProcessSpec, "stdin"> = {
    command: "sh",
    args: ["-c", script, "bot-bottle", control.control, smolvm.program, ...client],
    env: { ...smolvm.env, ...(terminal && { TERM: process.env["TERM"] ?? "xterm" }) },
  }
  return spec
})

/** Starts the agent of a created bottle. A running one is left alone. */
export const startRun = Effect.fn("Backend.start")(function* (machine: Machine) {
  yield* startSession(machine.control, yield* specOf(machine, false))
})

/** Connects our terminal to the agent. The bottle runs as long as this process. */
export const attachRun = Effect.fn("Backend.attach")(function* (machine: Machine) {
  yield* attachSession(machine.control, yield* specOf(machine, true))
})

/** The agent's exit code. Fails when it was lost with its machine. */
export const waitForRun = Effect.fn("Backend.wait")(function* (machine: Machine) {
  const { control } = machine
  const code = yield* Effect.ensuring(waitForEnd(control), tidied(machine))
  if (!existsSync(join(control.control, "lost"))) return code
  const said = errorLine(yield* stderrTail(control))
  return yield* failure(control, "wait", `the machine was lost while its agent ran: ${said}`)
})

/**
 * Stops the machine of a supervisor that was killed. Killing a client of `machine exec` ends nothing in the machine: the agent would go
 * on without limits. Every call that finds such a supervisor calls this.
 */
export const stopOrphan = Effect.fn("Backend.stopOrphan")(function* ({ smolvm, control, name }: Machine) {
  const stopped = join(control.control, STOPPED)
  if (existsSync(stopped) || Option.isNone(yield* readSupervisor(control))) return
  if (yield* supervisorLives(control)) return
  yield* stopMachine(smolvm, { operation: "stop", target: control.slug }, name)
  yield* onFiles(control, "stop", () => writeFileSync(stopped, ""))
})

/** {@link stopOrphan} as a side task of another call: a failure is only a warning. */
export const tidied = (machine: Machine): Effect.Effect<void> =>
  Effect.catchAll(stopOrphan(machine), (error) =>
    Effect.logWarning(`the machine of bottle "${machine.control.slug}" was left running: ${error.message}`),
  )

/** The current state of the bottle. */
export const inspectRun = (machine: Machine) => Effect.zipRight(tidied(machine), lookAt(machine.control))

/** TERM to the agent, then KILL after 10 s. Anything left ends with its machine. */
export const stopRun = Effect.fn("Backend.stop")(function* (machine: Machine) {
  const { control } = machine
  const call: SmolvmCall = { operation: "stop", target: control.slug }
  const running = Effect.map(
    lookAt(control),
    Option.exists(({ state }) => state === "running"),
  )
  const over = (grace: "10 seconds" | "5 seconds") =>
    Effect.map(Effect.timeoutOption(Effect.interruptible(ended(control)), grace), Option.isSome)
  if (!(yield* running)) return yield* stopOrphan(machine)
  yield* signalAgent(machine, call, "TERM")
  if (yield* over(STOP_GRACE)) return
  yield* signalAgent(machine, call, "KILL")
  if (yield* over(KILL_GRACE)) return
  yield* killSession(control)
  yield* stopOrphan(machine)
})

/** As the agent's own user. Processes that have ended meanwhile are no error. */
const signalAgent = Effect.fnUntraced(function* (
  { smolvm, control, name }: Machine,
  call: SmolvmCall,
  signal: "TERM" | "KILL",
) {
  const { user } = yield* recordOf(control)
  const kill = ["/bin/sh", "-c", `kill -${signal} "$(cat ${PID})"`]
  const { command, ...options } = asAgent(yield* smolvm.features, user, kill)
  yield* Effect.ignore(inMachine(smolvm, call, name, command, options))
})

/** How long a supervisor may take to stop its machine after the agent has ended. */
const SETTLE = Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(1200))

/** Waits until the supervisor is gone or has stopped its machine: two simultaneous calls on one machine disturb each other. */
export const settled = Effect.fnUntraced(function* ({ control }: Machine) {
  const busy = Effect.map(
    supervisorLives(control),
    (lives) => lives && !existsSync(join(control.control, STOPPED)),
  )
  yield* busy.pipe(Effect.repeat({ schedule: SETTLE, while: (lives) => lives }))
})
