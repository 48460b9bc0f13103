/** Options that callers give for a run, and the events that they receive. */
import { Effect } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import type { PullPolicy, RunTrigger } from "../domain/Bottle.ts"
import type { Slug } from "../domain/Slug.ts"
import type { ForgeOption } from "./assignedForge.ts"
import type { OutputChunk } from "../services/ProcessRunner.ts"

/** Events of a run, in order: its slug, its output, how it ended. */
export type RunEvent =
  | { readonly _tag: "Slug"; readonly slug: Slug }
  | ({ readonly _tag: "Output" } & OutputChunk)
  | { readonly _tag: "Exit"; readonly exitCode: number; readonly signal?: string }

/** Hands a bottle whose agent is running to another process that waits for its end, as `awaitExit` does, and so enforces its limits. */
export type HandOver = (slug: Slug) => Effect.Effect<void>

/** Options of every program that waits for an agent. The forge is for the sidecar, in case it must be relaunched. */
export interface WatchOptions extends ForgeOption {
  /** Called for a bottle with limits when its terminal is detached. Without it a warning says that nobody enforces them. */
  readonly handOver?: HandOver
  /** Called with each event. The run waits for it, so that a slow reader slows the agent and no event is lost. */
  readonly observe?: (event: RunEvent) => Effect.Effect<void>
}

/** Whether a launch may register the deploy keys that its manifest asks for. */
export interface KeyOption {
  /** `false` refuses a launch that would register any, as without `--yes`. True unless given. */
  readonly registerKeys?: boolean
}

/** Who starts a run, for its provenance. */
export interface TriggerOption {
  /** The caller unless given. */
  readonly trigger?: RunTrigger
  /** W3C's `traceparent` that the run belongs to; its operation log names it. */
  readonly traceparent?: string
}

/** Options of a start without a prompt. */
export interface StartOptions extends WatchOptions, KeyOption, TriggerOption {
  /** Bottle manifests in merge order; an empty list counts as none. */
  readonly bottles?: ReadonlyArray<string>
  /** The operator's name for the bottle; the agent's name unless given. */
  readonly label?: string
  readonly color?: string
  readonly backend?: string
  /** Copy the files of `cwd` into the workspace. */
  readonly copyCwd?: boolean
  /** The process's working directory unless given. */
  readonly cwd?: string
  readonly pull?: PullPolicy
}

/** Options of a headless start. */
export interface HeadlessOptions extends StartOptions {
  readonly prompt: string
}

/** Options of a resume without a prompt. */
export interface ResumeOptions extends WatchOptions, KeyOption, TriggerOption {
  /** The backend of the first launch unless given. Another one cannot read its artifact. */
  readonly backend?: string
}

/** Options of a headless resume. */
export interface HeadlessResumeOptions extends ResumeOptions {
  readonly prompt: string
}

/** Fails unless there is a prompt. Checked before anything is looked up. */
export const checkPrompt = (prompt: string): Effect.Effect<void, InvalidInput> =>
  prompt.trim() === ""
    ? Effect.fail(
        new InvalidInput({ field: "prompt", reason: "it is empty: describe what the agent should do" }),
      )
    : Effect.void
