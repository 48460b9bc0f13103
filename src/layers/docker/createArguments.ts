/** The arguments of `docker create`: everything that isolates a bottle, and nothing specific to a run. */
import type { BottlePlan } from "../../domain/Bottle.ts"
import { DEFAULT_OUTPUT_BYTES } from "../../domain/RunLimits.ts"

/** The engine-specific inputs beside a plan. */
export interface CreateInput {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** ID of the inspected image. */
  readonly image: string
  /** Numeric `uid:gid`. */
  readonly user: string
  /** Path of the seccomp profile. */
  readonly seccomp: string
  /** Directory on the host that becomes `/run/bottle`. */
  readonly neck: string
  /** More arguments of the client's dialect. */
  readonly extra: ReadonlyArray<string>
}

/** The container's command: it waits for the neck, then becomes the agent. */
export const ENTER = "/run/bottle/bin/enter"

/**
 * Twice the limit of the stored output, so that json-file, which adds data to each line, only rotates for output with very short lines,
 * and a later reader finds the beginning.
 */
const logMax = ({ limits }: BottlePlan): string =>
  `${Math.ceil((2 * (limits.outputBytes ?? DEFAULT_OUTPUT_BYTES)) / 1024 ** 2)}m`

/**
 * The arguments, from `create` to the image. Prompt, environment and argv are in the run directory instead, because any local user can
 * read arguments, and a commit keeps them.
 */
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
  // The same value for both: no swap in addition to the memory.
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
  // --mount, because -v creates a missing directory.
  "--mount",
  `type=bind,${csv("source", input.neck)},target=/run/bottle,readonly`,
  ...input.extra,
  ...(plan.interactive ? ["--interactive", "--tty"] : []),
  "--entrypoint",
  ENTER,
  input.image,
]

/** A field of the comma-separated value of `--mount`; one with a comma or a quote is quoted as in CSV. */
const csv = (key: string, value: string): string =>
  /[",]/.test(value) ? `"${key}=${value.replaceAll('"', '""')}"` : `${key}=${value}`
