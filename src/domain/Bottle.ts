/** A bottle as data: what a caller asks for, what a backend is told, and what is kept of it. */
import { Option, Schema } from "effect"
import type { PlanClone } from "./Clone.ts"
import type { PlannedKey } from "./DeployKey.ts"
import type { BottleManifest, Limits } from "./Manifest.ts"
import type { RunGit } from "./OwnRepository.ts"
import { Slug } from "./Slug.ts"

const withDefault = <A, I>(schema: Schema.Schema<A, I>, value: () => A) =>
  schema.pipe(Schema.propertySignature, Schema.withConstructorDefault(value))

const optionNull = <A, I>(schema: Schema.Schema<A, I>) =>
  withDefault(Schema.OptionFromNullOr(schema), () => Option.none<A>())

/** What a caller asks for. `forgeEnv` is not part of it when it is encoded: it goes to the sidecar alone. */
export class BottleSpec extends Schema.Class<BottleSpec>("BottleSpec")({
  agent: Schema.String,
  bottles: Schema.Array(Schema.String),
  label: Schema.String,
  color: optionNull(Schema.String),
  backend: Schema.String,
  cwd: Schema.String,
  copyCwd: Schema.Boolean,
  headless: Schema.Boolean,
  /** Whether the run was given a forge; such a run never reads manifests of the working directory. */
  forgeTargeted: Schema.Boolean,
}) {}

/** How an agent ended: its exit code (128+n when a signal ended it). */
export const BottleExit = Schema.Struct({
  code: Schema.Number,
  signal: Schema.optional(Schema.String),
  at: Schema.String,
})
/** How an agent ended. */
export type BottleExit = typeof BottleExit.Type

/** What the agent said by `signal_done`. */
export const BottleDone = Schema.Struct({
  status: Schema.Literal("success", "no_change", "blocked", "failure"),
  summary: Schema.String,
  at: Schema.String,
})
/** What the agent said by `signal_done`. */
export type BottleDone = typeof BottleDone.Type

/** What befell a run, as far as it decides what follows its end. */
export const BottleTrouble = Schema.Struct({
  /** Set before bot-bottle itself stops the agent: `stop`, or the limit that was reached. */
  stopped: Schema.optional(Schema.Literal("stop", "timeout", "idleTimeout")),
  /** `relaunched`: its sidecar died and was launched again; `failed`: that failed, or it died again. */
  sidecar: Schema.optional(Schema.Literal("relaunched", "failed")),
  /** The newest call to its model was refused for a limit; times are ISO 8601 in UTC. */
  refused: Schema.optional(
    Schema.Struct({
      route: Schema.String,
      reason: Schema.Literal("rate-limit", "overloaded", "usage-limit"),
      at: Schema.String,
      /** When calls may be made again, where the provider said it. */
      until: Schema.optional(Schema.String),
    }),
  ),
})
/** What befell a run. */
export type BottleTrouble = typeof BottleTrouble.Type

/** What is kept of a bottle, in the row of its slug. Times are ISO 8601 in UTC. */
export class BottleMetadata extends Schema.Class<BottleMetadata>("BottleMetadata")({
  slug: Slug,
  spec: BottleSpec,
  /** Numeric `uid:gid` of the agent, resolved once at the first launch. */
  user: optionNull(Schema.String),
  /** Digest of the image at the first launch. */
  imageDigest: optionNull(Schema.String),
  /** What `freeze` made last: an image reference, a file, a directory. */
  artifact: optionNull(Schema.String),
  /** 1 at start, then 2, 3, ... */
  run: withDefault(Schema.Number, () => 1),
  /** Limits of a run that its watcher keeps, as the manifest has them (Effect durations). */
  timeout: optionNull(Schema.String),
  idleTimeout: optionNull(Schema.String),
  /** How the newest run ended; none while it runs. */
  exit: optionNull(BottleExit),
  /** What the newest run said by `signal_done`. */
  done: optionNull(BottleDone),
  /** Number of the newest queue event whose effect is stored. */
  lastEvent: withDefault(Schema.Number, () => 0),
  createdAt: Schema.String,
  startedAt: optionNull(Schema.String),
  frozenAt: optionNull(Schema.String),
  /** When a destroy began that has not come to its end: some of the bottle may be gone. */
  destroyingAt: Schema.optionalWith(Schema.String, { as: "Option" }).pipe(
    Schema.withConstructorDefault(() => Option.none<string>()),
  ),
  /** Which engine has the bottle, as `Backend.engine` named it at the newest create; none in rows of versions that did not record it. */
  engine: Schema.optionalWith(Schema.String, { as: "Option" }).pipe(
    Schema.withConstructorDefault(() => Option.none<string>()),
  ),
  /** What befell the newest run; nothing in rows of versions that did not record it. */
  trouble: Schema.optionalWith(BottleTrouble, { default: () => ({}) }).pipe(
    Schema.withConstructorDefault(() => ({})),
  ),
  /** Version of bot-bottle that wrote the row. */
  version: Schema.String,
}) {}

/** The row with more that befell its newest run. */
export const withTrouble = (bottle: BottleMetadata, trouble: BottleTrouble): BottleMetadata =>
  new BottleMetadata({ ...bottle, trouble: { ...bottle.trouble, ...trouble } })

/** State of a bottle: `created` is a launch that died half-way, `destroying` a destroy that has not ended, `lost` a frozen bottle whose artifact is gone. */
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
  /** `unknown` when the backend could not be asked. */
  state: Schema.Union(BottleState, Schema.Literal("unknown")),
  run: Schema.Number,
  exit: Schema.OptionFromNullOr(BottleExit),
  done: Schema.OptionFromNullOr(BottleDone),
  createdAt: Schema.String,
}) {}

/** A file that a run needs beside the neck: `path` is relative to `/run/bottle`. Never a secret. */
export interface RunFile {
  readonly path: string
  readonly content: string
  /** Whether `content` is base64 of the file's bytes; a text unless given. */
  readonly base64?: boolean
  /** 0o644 unless given. */
  readonly mode?: number
}

/** What `--copy-cwd` takes along: paths relative to `root`, in order. */
export interface WorkspaceListing {
  readonly root: string
  readonly tracked: ReadonlyArray<string>
  /** Untracked and not ignored: listed in the plan, so that the operator sees them. */
  readonly untracked: ReadonlyArray<string>
}

/** When an image is pulled. */
export type PullPolicy = "always" | "missing" | "never"

/** What an image is built from; paths are absolute. */
export interface PlanBuild {
  readonly context: string
  /** The engine's own choice in the context unless given. */
  readonly dockerfile?: string
}

/** Limits that the backend enforces, and beside them those of the manifest that watcher and sidecar keep. Absent `cpus`: all; absent `diskBytes`: none. */
export interface PlanLimits extends Omit<Limits, "cpus" | "memory" | "pids" | "disk" | "outputBytes"> {
  readonly memoryBytes: number
  readonly pids: number
  readonly cpus?: number
  readonly diskBytes?: number
  /** Output that is kept and shown of a run. Absent: 512 MiB. */
  readonly outputBytes?: number
}

/** Everything a backend needs to make a bottle. Plain data without secrets: `--dry-run` prints it. */
export interface BottlePlan {
  readonly slug: Slug
  readonly backend: string
  /** 1 at start, then 2, 3, ... */
  readonly run: number
  /** Image reference, or the artifact to rehydrate; `""` when there is none, or it is to be built. */
  readonly image: string
  /** What the image is built from at the launch; absent: it is not built. */
  readonly build?: PlanBuild
  /** Whether `image` is an artifact of an earlier freeze. */
  readonly rehydrate: boolean
  readonly pull: PullPolicy
  /** The manifest's `user`, or the numeric `uid:gid` kept from the first launch; absent: the image's. */
  readonly user?: string
  readonly workdir: string
  readonly limits: PlanLimits
  /** The agent's argv. */
  readonly argv: ReadonlyArray<string>
  /** The agent's environment; nothing secret. */
  readonly env: Readonly<Record<string, string>>
  /** The prompt: given on stdin, and lies in `/run/bottle/prompt`. Absent in an interactive run. */
  readonly prompt?: string
  /** Provider files beside the neck. */
  readonly files: ReadonlyArray<RunFile>
  /** Names of the routes at the neck; absent: none. */
  readonly routes?: ReadonlyArray<string>
  /** Deploy keys that the launch has registered at the run's forge; absent: none. */
  readonly keys?: ReadonlyArray<PlannedKey>
  readonly interactive: boolean
  /** Files for the workspace of a first run. */
  readonly workspace?: WorkspaceListing
  /** What the workspace is cloned from, before the agent of a first run starts. */
  readonly clone?: PlanClone
}

/** What the neck of a bottle opens, as the merged manifest has it, with the defaults that hold where it names nothing. */
export interface NeckOpenings {
  /** Hosts that the neck lets through. */
  readonly egress: NonNullable<BottleManifest["egress"]>["allow"]
  readonly routes: NonNullable<BottleManifest["routes"]>
  readonly git: RunGit
}

/** The plan of a launch with all that an operator agrees to: what `--dry-run` prints and an interactive start asks about. */
export interface LaunchPlan extends BottlePlan {
  readonly agent: string
  readonly bottles: ReadonlyArray<string>
  /** Whether the backend isolates the agent; if not, it has the network, the files and the user of whoever runs bot-bottle, and of `limits` only the times hold. */
  readonly isolated: boolean
  readonly neck: NeckOpenings
  /** Whether a verification must have passed before the first launch of the image. */
  readonly verify?: "required"
  /** At a resume: the run that it continues from. `image` is empty while that run's artifact is not made yet. */
  readonly continues?: { readonly run: number }
}
