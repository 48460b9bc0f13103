/** The arguments of `docker create`: what shuts a bottle in, and nothing that belongs to a run. */
import type { BottlePlan } from "../../domain/Bottle.ts"
import { DEFAULT_OUTPUT_BYTES } from "../../domain/RunLimits.ts"

/** What the engine's side adds to a plan. */
export interface CreateInput {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Id of the image that was looked at. */
  readonly image: string
  /** Numeric `uid:gid`. */
  readonly user: string
  /** File of the seccomp profile. */
  readonly seccomp: string
  /** Directory on the host that becomes `/run/bottle`. */
  readonly neck: string
  /** Further arguments of the client's dialect. */
  readonly extra: ReadonlyArray<string>
}

/** What the container runs: it waits for the neck, then becomes the agent. */
export const ENTER = "/run/bottle/bin/enter"

/**
 * Twice what is kept of the output, so that json-file, which adds to each line, rotates only for output of very short
 * lines: a later reader finds the beginning.
 */
const logMax = ({ limits }: BottlePlan): string =>
  `${Math.ceil((2 * (limits.outputBytes ?? DEFAULT_OUTPUT_BYTES)) / 1024 ** 2)}m`

/** The arguments, from `create` to the image. Prompt, environment and argv are in the run directory: these here any local user can read, and a commit keeps. */
export const createArguments = (plan: BottlePlan, input: CreateInput): ReadonlyArray<string> => [
  "create",
  "--name",
  input.name,
  ...Object.entries(input.labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]),
  "--pull",
  "never",
  "--network",
  "none",
  "--hostname",
  "bottle",
  "--cap-drop",
  "ALL",
  "--security-opt",
  "no-new-privileges",
  "--security-opt",
  `seccomp=${input.seccomp}`,
  "--init",
  "--user",
  input.user,
  "--workdir",
  plan.workdir,
  "--pids-limit",
  String(plan.limits.pids),
  // The same value for both: no swap on top of the memory.
  "--memory",
  String(plan.limits.memoryBytes),
  "--memory-swap",
  String(plan.limits.memoryBytes),
  ...(plan.limits.cpus === undefined ? [] : ["--cpus", String(plan.limits.cpus)]),
  "--log-driver",
  "json-file",
  "--log-opt",
  `max-size=${logMax(plan)}`,
  "--log-opt",
  "max-file=1",
  // --mount, because -v makes a directory where there is none.
  "--mount",
  `type=bind,${csv("source", input.neck)},target=/run/bottle,readonly`,
  ...input.extra,
  ...(plan.interactive ? ["--interactive", "--tty"] : []),
  "--entrypoint",
  ENTER,
  input.image,
]

/** A field of the comma-separated value of `--mount`; one with a comma or a quote is quoted as CSV has it. */
const csv = (key: string, value: string): string =>
  /[",]/.test(value) ? `"${key}=${value.replaceAll('"', '""')}"` : `${key}=${value}`
