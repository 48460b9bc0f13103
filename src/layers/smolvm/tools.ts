/** An operator's tools for a machine: a shell in it, and files out of it. */
import { Effect, Option, Stream } from "effect"
import type { Scope } from "effect"
import { randomUUID } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { join, posix } from "node:path"
import type { BackendError, CopySource } from "../../services/Backends.ts"
import { ProcessRunner } from "../../services/ProcessRunner.ts"
import { wholeOutput } from "../process/wholeOutput.ts"
import { NECK_MOUNT } from "../bottle/runFiles.ts"
import { failure, lookAt } from "../supervisor/control.ts"
import { createArguments, deleteMachine, execArguments, startMachine, stopMachine } from "./machine.ts"
import type { Machine } from "./run.ts"
import { recordOf, settled, stopOrphan } from "./run.ts"
import type { SmolvmCall } from "./smolvm.ts"
import { asAgent, asRoot } from "./user.ts"

/** The agent's environment, then the best available shell. */
const SHELL = `. ${NECK_MOUNT}/env
command -v bash >/dev/null 2>&1 && exec bash
exec sh`

/** A shell as the agent's user, while the agent is running: its machine stops with it. */
export const shellIn = Effect.fn("Backend.shell")(function* ({ smolvm, control, name }: Machine) {
  const runner = yield* ProcessRunner
  const bottle = yield* lookAt(control)
  if (!Option.exists(bottle, ({ state }) => state === "running")) {
    return yield* failure(
      control,
      "shell",
      "its agent does not run, and a shell lives only as long as it does",
    )
  }
  const { user, workdir } = yield* recordOf(control)
  const { command, ...options } = asAgent(yield* smolvm.features, user, ["/bin/sh", "-c", SHELL])
  const { exitCode } = yield* runner
    .interactive({
      command: smolvm.program,
      args: execArguments(name, command, {
        ...options,
        workdir,
        terminal: process.stdin.isTTY && process.stdout.isTTY,
      }),
      env: { ...smolvm.env, TERM: process.env["TERM"] ?? "xterm" },
    })
    .pipe(Effect.mapError((error) => failure(control, "shell", error.message, error)))
  return exitCode
})

/** A tar of a path: from the machine, which is started if it is stopped, or from a temporary one made of the artifact. */
export const copyOut = (
  machine: Machine,
  source: CopySource,
): Stream.Stream<Uint8Array, BackendError, ProcessRunner> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const { control } = machine
      const bottle = yield* lookAt(control)
      const workdir = join(control.root, "workdir")
      const path = posix.resolve("/", existsSync(workdir) ? readFileSync(workdir, "utf8") : "", source.path)
      if (Option.isNone(bottle)) return yield* tarFrom(machine, yield* thawed(machine, source), path)
      if (bottle.value.state === "exited") yield* awake(machine)
      return yield* tarFrom(machine, machine.name, path)
    }),
  )

const callOf = ({ control }: Machine): SmolvmCall => ({ operation: "copy", target: control.slug })

const awake = (machine: Machine): Effect.Effect<void, BackendError, Scope.Scope> =>
  Effect.zipRight(
    Effect.zipRight(settled(machine), stopOrphan(machine)),
    Effect.acquireRelease(startMachine(machine.smolvm, callOf(machine), machine.name), () =>
      Effect.ignore(stopMachine(machine.smolvm, callOf(machine), machine.name)),
    ),
  )

/** Without mount, socket and labels, so that it cannot be taken for a bottle. */
const thawed = Effect.fnUntraced(function* (machine: Machine, { artifact }: CopySource) {
  const { smolvm, control } = machine
  if (Option.isNone(artifact)) return yield* failure(control, "copy", "there is no such bottle")
  const pack = artifact.value
  if (!existsSync(pack)) return yield* failure(control, "copy", `its artifact ${pack} is gone`)
  const name = `${machine.name}_copy_${randomUUID().slice(0, 8)}`
  const call = callOf(machine)
  yield* Effect.acquireRelease(smolvm.succeed(call, createArguments({ name, labels: {}, pack })), () =>
    Effect.ignore(deleteMachine(smolvm, call, name)),
  )
  yield* startMachine(smolvm, call, name)
  return name
})

const tarFrom = Effect.fnUntraced(function* (machine: Machine, name: string, path: string) {
  const runner = yield* ProcessRunner
  const { smolvm, control } = machine
  const features = yield* smolvm.features
  const command = ["tar", "-c", "-f", "-", "-C", posix.dirname(path), `./${posix.basename(path)}`]
  const child = yield* runner
    .stream({
      command: smolvm.program,
      args: execArguments(name, command, asRoot(features)),
      env: smolvm.env,
    })
    .pipe(Effect.mapError((error) => failure(control, "copy", error.message, error)))
  return wholeOutput(child, (stderr) => smolvm.refusal(callOf(machine), { exitCode: 1, stderr }))
})
