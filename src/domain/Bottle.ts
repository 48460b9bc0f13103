/** Data types of a bottle: the request of a caller, the plan for a backend, and the stored row. */
import { Option, Schema } from "effect"
import type { RequestKind } from "./AgentRequest.ts"
import type { PlanClone } from "./Clone.ts"
import type { PlannedKey } from "./DeployKey.ts"
import type { BottleManifest, Limits } from "./Manifest.ts"
import type { RunGit } from "./OwnRepository.ts"
import { MissingContent } from "./RepositoryContents.ts"
import { Slug } from "./Slug.ts"
import { RunMeter } from "./usage/RunMeter.ts"

const withDefault = <A, I>(schema: Schema.Schema<A, I>, value: () => A) =>
  schema.pipe(Schema.propertySignature, Schema.withConstructorDefault(value))

const optionNull = <A, I>(schema: Schema.Schema<A, I>) =>
  withDefault(Schema.OptionFromNullOr(schema), () => Option.none<A>())

/** The request of a caller. `forgeEnv` is left out when it is encoded: it goes to the sidecar only. */
export class BottleSpec extends Schema.Class<BottleSpec>("BottleSpec")({
  agent: Schema.String,
  bottles: Schema.Array(Schema.String),
  label: Schema.String,
  color: optionNull(Schema.String),
  backend: Schema.String,
  cwd: Schema.String,
  copyCwd: Schema.Boolean,
  headless: Schema.Boolean,
  /** Whether the run was given a forge. Such a run never reads manifests of the working directory. */
  forgeTargeted: Schema.Boolean,
  /** What the clone of the run's own repository does not have. */
  missing: Schema.optionalWith(Schema.Array(MissingContent), { default: () => [] }).pipe(
    Schema.withConstructorDefault((): ReadonlyArray<MissingContent> => []),
  ),
}) {}

/** How an agent ended: its exit code (128+n when a signal ended it). */
export const BottleExit = Schema.Struct({
  code: Schema.Number,
  signal: Schema.optional(Schema.String),
  at: Schema.String,
})
/** How an agent ended. */
export type BottleExit = typeof BottleExit.Type

/** The agent's report by `signal_done`. */
export const BottleDone = Schema.Struct({
  status: Schema.Literal("success", "no_change", "blocked", "failure"),
  summary: Schema.String,
  at: Schema.String,
})
/** The agent's report by `signal_done`. */
export type BottleDone = typeof BottleDone.Type

/** What happened to a run, as far as it decides what follows its end. */
export const BottleTrouble = Schema.Struct({
  /** Set before bot-bottle itself stops the agent: `stop`, or the limit that was reached. For limits of use: before the agent has ended. */
  stopped: Schema.optional(Schema.Literal("stop", "timeout", "idleTimeout", "tokens", "cost", "calls")),
  /** `relaunched`: its sidecar died and was relaunched. `failed`: the relaunch failed, or it died again. */
  sidecar: Schema.optional(Schema.Literal("relaunched", "failed")),
  /** The service froze it because it did not check in. */
  watchdog: Schema.optional(Schema.Literal(true)),
  /** The newest call to its model was refused because of a limit. Times are ISO 8601 in UTC. */
  refused: Schema.optional(
    Schema.Struct({
      route: Schema.String,
      reason: Schema.Literal("rate-limit", "overloaded", "usage-limit"),
      at: Schema.String,
      /** When calls may be made again, if the provider said so. */
      until: Schema.optional(Schema.String),
    }),
  ),
})
/** What happened to a run. */
export type BottleTrouble = typeof BottleTrouble.Type

/** Limits of what a run may use; absent: none. */
export const RunUseLimits = Schema.Struct({
  tokens: Schema.optional(Schema.Number),
  /** In US dollars. */
  cost: Schema.optional(Schema.Number),
  calls: Schema.optional(Schema.Number),
})
/** Limits of what a run may use. */
export type RunUseLimits = typeof RunUseLimits.Type

/** Who started a run, and why. */
export const RunTrigger = Schema.Struct({
  /** `caller`: a person at the command line, or a program that uses the library. `service`: the orchestrator. */
  by: Schema.Literal("caller", "service"),
  /** Of the service: `targeted`, or why it resumed the bottle. */
  cause: Schema.optional(Schema.String),
  /** Logins at the forge of those whose labels, assignment or remarks started it. */
  logins: Schema.optional(Schema.Array(Schema.String)),
})
/** Who started a run, and why. */
export type RunTrigger = typeof RunTrigger.Type

/** A manifest of a run, and the SHA-256 of its file in hexadecimal. */
export const ManifestDigest = Schema.Struct({
  kind: Schema.Literal("agent", "bottle"),
  name: Schema.String,
  sha256: Schema.String,
})
/** A manifest of a run, and the SHA-256 of its file. */
export type ManifestDigest = typeof ManifestDigest.Type

/** What a run was made from, and who started it. */
export const RunLaunch = Schema.Struct({
  /** As the plan names it: the image, or the artifact of the run before; `""` when there is none or it was built. */
  image: Schema.String,
  manifests: Schema.Array(ManifestDigest),
  trigger: RunTrigger,
})
/** What a run was made from, and who started it. */
export type RunLaunch = typeof RunLaunch.Type

/** The stored row of a bottle. Times are ISO 8601 in UTC. */
export class BottleMetadata extends Schema.Class<BottleMetadata>("BottleMetadata")({
  slug: Slug,
  spec: BottleSpec,
  /** Numeric `uid:gid` of the agent, resolved once, at the first launch. */
  user: optionNull(Schema.String),
  /** Digest of the image at the first launch. */
  imageDigest: optionNull(Schema.String),
  /** The newest artifact of `freeze`: an image reference, a file or a directory. */
  artifact: optionNull(Schema.String),
  /** 1 at the start, then 2, 3, ... */
  run: withDefault(Schema.Number, () => 1),
  /** Limits that the watcher enforces, as in the manifest (Effect durations). */
  timeout: optionNull(Schema.String),
  idleTimeout: optionNull(Schema.String),
  /** Limits of what the newest run may use, as its sidecar enforces them. */
  useLimits: Schema.optionalWith(RunUseLimits, { default: () => ({}) }).pipe(
    Schema.withConstructorDefault(() => ({})),
  ),
  /** What the newest run used, stored with its end. */
  use: Schema.optionalWith(RunMeter, { as: "Option" }).pipe(
    Schema.withConstructorDefault(() => Option.none<RunMeter>()),
  ),
  /** How the newest run ended; none while it is running. */
  exit: optionNull(BottleExit),
  /** What the newest run reported by `signal_done`. */
  done: optionNull(BottleDone),
  /** Number of the newest queue event whose effect is stored. */
  lastEvent: withDefault(Schema.Number, () => 0),
  createdAt: Schema.String,
  startedAt: optionNull(Schema.String),
  frozenAt: optionNull(Schema.String),
  /** When a destroy began that has not finished. Parts of the bottle may be gone. */
  destroyingAt: Schema.optionalWith(Schema.String, { as: "Option" }).pipe(
    Schema.withConstructorDefault(() => Option.none<string>()),
  ),
  /** The engine that has the bottle, as `Backend.engine` named it at the newest create; none in rows of versions that did not record it. */
  engine: Schema.optionalWith(Schema.String, { as: "Option" }).pipe(
    Schema.withConstructorDefault(() => Option.none<string>()),
  ),
  /** What happened to the newest run; empty in rows of versions that did not record it. */
  trouble: Schema.optionalWith(BottleTrouble, { default: () => ({}) }).pipe(
    Schema.withConstructorDefault(() => ({})),
  ),
  /** What the newest run was made from; none in rows of versions that did not record it. */
  launched: Schema.optionalWith(RunLaunch, { as: "Option" }).pipe(
    Schema.withConstructorDefault(() => Option.none<RunLaunch>()),
  ),
  /** The version of bot-bottle that wrote the row. */
  version: Schema.String,
}) {}

/** The row with more facts about its newest run. */
export const withTrouble = (bottle: BottleMetadata, trouble: BottleTrouble): BottleMetadata =>
  new BottleMetadata({ ...bottle, trouble: { ...bottle.trouble, ...trouble } })

/**
 * State of a bottle. `created`: the launch died half-way. `destroying`: a destroy has not finished. `lost`: a frozen bottle whose
 * artifact is gone.
 */
export const BottleState = Schema.Literal("created", "running", "exited", "frozen", "destroying", "lost")
/** State of a bottle. */
export type BottleState = typeof BottleState.Type

/** What `list` shows of a bottle. */
export class BottleStatus extends Schema.Class<BottleStatus>("BottleStatus")({
  slug: Slug,
  label: Schema.String,
  color: Schema.OptionFromNullOr(Schema.String),
  agent: Schema.String,
  bottles: Schema.Array(Schema.String),
  backend: Schema.String,
  /** `unknown` when the backend cannot be reached. */
  state: Schema.Union(BottleState, Schema.Literal("unknown")),
  run: Schema.Number,
  exit: Schema.OptionFromNullOr(BottleExit),
  done: Schema.OptionFromNullOr(BottleDone),
  /** What the newest run used so far; null when nothing was counted. */
  use: Schema.OptionFromNullOr(RunMeter),
  createdAt: Schema.String,
}) {}

/** A file that a run needs beside the neck; `path` is relative to `/run/bottle`. Never contains a secret. */
export interface RunFile {
  readonly path: string
  readonly content: string
  /** Whether `content` is base64; text unless given. */
  readonly base64?: boolean
  /** 0o644 unless given. */
  readonly mode?: number
}

/** The files that `--copy-cwd` copies: paths relative to `root`, in order. */
export interface WorkspaceListing {
  readonly root: string
  readonly tracked: ReadonlyArray<string>
  /** Untracked files that are not ignored. The plan lists them, so that the operator sees them. */
  readonly untracked: ReadonlyArray<string>
}

/** When an image is pulled. */
export type PullPolicy = "always" | "missing" | "never"

/** What an image is built from; paths are absolute. */
export interface PlanBuild {
  readonly context: string
  /** The Dockerfile that the engine finds in the context unless given. */
  readonly dockerfile?: string
}

/**
 * Limits that the backend enforces, and those of the manifest that the watcher and the sidecar enforce. Absent `cpus`: all. Absent
 * `diskBytes`: none.
 */
export interface PlanLimits extends Omit<Limits, "cpus" | "memory" | "pids" | "disk" | "outputBytes"> {
  readonly memoryBytes: number
  readonly pids: number
  readonly cpus?: number
  readonly diskBytes?: number
  /** How much output of a run is kept and shown; 512 MiB if absent. */
  readonly outputBytes?: number
}

/** Everything a backend needs to create a bottle. Plain data without secrets: `--dry-run` prints it. */
export interface BottlePlan {
  readonly slug: Slug
  readonly backend: string
  /** 1 at the start, then 2, 3, ... */
  readonly run: number
  /** Image reference, or the artifact to rehydrate; `""` when there is none, or when it will be built. */
  readonly image: string
  /** What the image is built from at the launch; absent: no build. */
  readonly build?: PlanBuild
  /** Whether `image` is an artifact of an earlier freeze. */
  readonly rehydrate: boolean
  readonly pull: PullPolicy
  /** The manifest's `user`, or the numeric `uid:gid` stored at the first launch; absent: the image's. */
  readonly user?: string
  readonly workdir: string
  readonly limits: PlanLimits
  /** The agent's argv. */
  readonly argv: ReadonlyArray<string>
  /** The agent's environment; contains no secrets. */
  readonly env: Readonly<Record<string, string>>
  /** The prompt: passed on stdin and written to `/run/bottle/prompt`. Absent in an interactive run. */
  readonly prompt?: string
  /** Provider files beside the neck. */
  readonly files: ReadonlyArray<RunFile>
  /** Names of the routes at the neck; absent: none. */
  readonly routes?: ReadonlyArray<string>
  /** Deploy keys that the launch registers at the run's forge; absent: none. */
  readonly keys?: ReadonlyArray<PlannedKey>
  readonly interactive: boolean
  /** Files for the workspace of a first run. */
  readonly workspace?: WorkspaceListing
  /** The repository that the workspace is cloned from before the agent of a first run starts. */
  readonly clone?: PlanClone
}

/** What the neck of a bottle opens, from the merged manifest, with defaults filled in. */
export interface NeckOpenings {
  /** Hosts that the neck allows. */
  readonly egress: NonNullable<BottleManifest["egress"]>["allow"]
  readonly routes: NonNullable<BottleManifest["routes"]>
  readonly git: RunGit
  /** What the agent may ask a person for. */
  readonly approvals: ReadonlyArray<RequestKind>
}

/** The plan of a launch with everything that an operator agrees to: `--dry-run` prints it, and an interactive start asks about it. */
export interface LaunchPlan extends BottlePlan {
  readonly agent: string
  readonly bottles: ReadonlyArray<string>
  /**
   * Whether the backend isolates the agent. If not, the agent has the network, files and user of the process that runs bot-bottle, and
   * only the time limits are enforced.
   */
  readonly isolated: boolean
  readonly neck: NeckOpenings
  /** Whether the image must have passed a verification before its first launch. */
  readonly verify?: "required"
  /** At a resume: the run that it continues. `image` is empty until the artifact of that run is made. */
  readonly continues?: { readonly run: number }
}
