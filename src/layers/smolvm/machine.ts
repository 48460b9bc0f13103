/**
 * A smolvm machine: its name, how to create it from a pack, start it and run commands in it. It never gets a network: its neck is a
 * mounted socket.
 */
import { Effect, Schedule } from "effect"
import type { Stream } from "effect"
import { availableParallelism } from "node:os"
import type { BottlePlan } from "../../domain/Bottle.ts"
import { LaunchRefused } from "../../domain/Errors.ts"
import type { Slug } from "../../domain/Slug.ts"
import { NECK_MOUNT, shellQuote } from "../bottle/runFiles.ts"
import type { SmolvmCall, Features, Smolvm } from "./smolvm.ts"
import { isMissing } from "./smolvm.ts"

/** Path of the neck's socket in the machine. It is not in {@link NECK_MOUNT}, which is a read-only mount: a link there points to it. */
export const GUEST_SOCKET = "/run/bottle-neck.sock"

/** Labels that mark our machines. */
export const LABEL = { installation: "bot-bottle.installation", slug: "bot-bottle.slug" } as const

/** smolvm names may not contain `--` or end in `-`, which slugs may. `_` is in no slug. */
export const machineName = (installation: string, slug: Slug): string =>
  `bot-bottle-${installation.slice(0, 8)}-${slug.replaceAll("-", "_")}`

/** The image's own command may end at once, and the machine's container with it. */
const KEEP_ALIVE = ["--", "sh", "-c", "while :; do sleep 3600; done"]

/** The inputs of a machine. */
export interface MachineInput {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** A `.smolmachine`. */
  readonly pack: string
  readonly limits?: Pick<BottlePlan["limits"], "cpus" | "memoryBytes">
  /** Directory on the host that becomes {@link NECK_MOUNT}, and the socket on the host. */
  readonly neck?: { readonly files: string; readonly socket: string }
}

/** The arguments of `machine create`. Never `--net` or `--net-backend`, or anything that implies them. */
export const createArguments = ({
  name,
  labels,
  pack,
  limits,
  neck,
}: MachineInput): ReadonlyArray<string> => [
  "machine",
  "create",
  "--name",
  name,
  ...Object.entries(labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]),
  "--from",
  pack,
  ...(limits === undefined
    ? []
    : [
        "--cpus",
        String(limits.cpus ?? availableParallelism()),
        "--mem",
        String(Math.ceil(limits.memoryBytes / 1024 ** 2)),
      ]),
  ...(neck === undefined
    ? []
    : ["--mount-socket", `${neck.socket}:${GUEST_SOCKET}`, "--volume", `${neck.files}:${NECK_MOUNT}:ro`]),
  ...KEEP_ALIVE,
]

/** The arguments of `machine exec`: stdin is always passed on, and output is streamed without a limit. */
export const execArguments = (
  name: string,
  command: ReadonlyArray<string>,
  options: { readonly user?: string; readonly workdir?: string; readonly terminal?: boolean } = {},
): ReadonlyArray<string> => [
  "machine",
  "exec",
  "--name",
  name,
  ...(options.user === undefined ? [] : ["--user", options.user]),
  ...(options.workdir === undefined ? [] : ["--workdir", options.workdir]),
  "--interactive",
  ...(options.terminal === true ? ["--tty"] : []),
  "--",
  ...command,
]

const READY = "bot-bottle-is-ready"

/** The port of a machine that has just stopped may still be in use; the container of one that has just started may not be up. */
const START_RETRY = Schedule.intersect(Schedule.spaced("500 millis"), Schedule.recurs(5))
const READY_RETRY = Schedule.intersect(Schedule.spaced("200 millis"), Schedule.recurs(150))

/** Starts a machine, and waits until a command can run in it. */
export const startMachine = Effect.fn("Machine.start")(function* (
  smolvm: Smolvm,
  call: SmolvmCall,
  name: string,
) {
  yield* smolvm.succeed(call, ["machine", "start", "--name", name]).pipe(
    Effect.retry({
      schedule: START_RETRY,
      while: (error) => error._tag === "BackendFailure" && /EADDRINUSE|address.* in use/i.test(error.reason),
    }),
  )
  yield* smolvm.run(call, execArguments(name, ["/bin/sh", "-c", `echo ${READY}`])).pipe(
    Effect.filterOrFail(
      ({ stdout }) => stdout.trim() === READY,
      (result) => smolvm.refusal(call, result),
    ),
    Effect.retry({ schedule: READY_RETRY, while: (error) => error._tag === "BackendFailure" }),
  )
})

/** A command in a running machine that must succeed. Returns its stdout. */
export const inMachine = (
  smolvm: Smolvm,
  call: SmolvmCall,
  name: string,
  command: ReadonlyArray<string>,
  options: { readonly user?: string; readonly stdin?: Stream.Stream<Uint8Array, unknown> } = {},
) =>
  smolvm.succeed(
    call,
    execArguments(name, command, options),
    options.stdin === undefined ? {} : { stdin: options.stdin },
  )

/** Stops a machine. Succeeds when it is stopped or gone. */
export const stopMachine = Effect.fn("Machine.stop")(function* (
  smolvm: Smolvm,
  call: SmolvmCall,
  name: string,
) {
  const result = yield* smolvm.run(call, ["machine", "stop", "--name", name])
  if (result.exitCode !== 0 && !isMissing(result.stderr)) return yield* smolvm.refusal(call, result)
})

/** Removes a machine in any state. Succeeds when there is none. Without `-f` it would ask, and some versions stop and keep it. */
export const deleteMachine = Effect.fn("Machine.delete")(function* (
  smolvm: Smolvm,
  call: SmolvmCall,
  name: string,
) {
  const result = yield* smolvm.run(call, ["machine", "delete", "--name", name, "--force"])
  if (result.exitCode !== 0 && !isMissing(result.stderr)) return yield* smolvm.refusal(call, result)
})

/** A root script that gives the working directory to the agent. */
export const ownWorkdir = (plan: BottlePlan, user: string): string =>
  `mkdir -p ${shellQuote(plan.workdir)} && chown ${user} ${shellQuote(plan.workdir)}`

/** What this version cannot enforce of a plan. */
export const keepable = (plan: BottlePlan, features: Features): Effect.Effect<void, LaunchRefused> => {
  const { version, packWorkspace } = features
  if (!packWorkspace && /^\/+workspace(\/|$)/.test(plan.workdir)) {
    return refuse(
      `smolvm ${version} would lose /workspace at a freeze: use 1.17 or later, or name another workdir in the bottle manifest, such as /home/agent/work`,
    )
  }
  return Effect.void
}

/** A refusal by policy. */
export const refuse = (reason: string) => Effect.fail(new LaunchRefused({ reason }))
