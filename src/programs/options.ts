/** What callers may say of a run, and what they are told while it goes on. */
import { Effect } from "effect"
import { InvalidInput } from "../domain/Errors.ts"
import type { PullPolicy } from "../domain/Bottle.ts"
import type { Slug } from "../domain/Slug.ts"
import type { ForgeOption } from "./assignedForge.ts"
import type { OutputChunk } from "../services/ProcessRunner.ts"

/** What a caller is told while a run goes on, in order: its slug, its output, how it ended. */
export type RunEvent =
  | { readonly _tag: "Slug"; readonly slug: Slug }
  | ({ readonly _tag: "Output" } & OutputChunk)
  | { readonly _tag: "Exit"; readonly exitCode: number; readonly signal?: string }

/** Leaves a bottle whose agent works to somebody who waits for its end, as `awaitExit` does, and so keeps its limits. */
export type HandOver = (slug: Slug) => Effect.Effect<void>

/** Options of everything that waits for an agent. The forge is for the sidecar, should it have to be launched again. */
export interface WatchOptions extends ForgeOption {
  /** Of a bottle with limits, when its terminal was left. Without it a warning says that nobody keeps them. */
  readonly handOver?: HandOver
  /** Told each event as it comes; the run waits for it, so that a slow reader slows the agent and nothing is lost. */
  readonly observe?: (event: RunEvent) => Effect.Effect<void>
}

/** Whether a launch may register the deploy keys that its manifest asks for. */
export interface KeyOption {
  /** `false` refuses a launch that would register any, as without `--yes`; agreed to unless given. */
  readonly registerKeys?: boolean
}

/** Options of a start without a prompt. */
export interface StartOptions extends WatchOptions, KeyOption {
  /** Bottle manifests in the order they merge; an empty list is none named. */
  readonly bottles?: ReadonlyArray<string>
  /** What the operator calls the bottle; the agent's name unless given. */
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
export interface ResumeOptions extends WatchOptions, KeyOption {
  /** The backend of the first launch unless given; another cannot read its artifact. */
  readonly backend?: string
}

/** Options of a headless resume. */
export interface HeadlessResumeOptions extends ResumeOptions {
  readonly prompt: string
}

/** Fails unless there is something to tell the agent. Checked before anything is looked up. */
export const checkPrompt = (prompt: string): Effect.Effect<void, InvalidInput> =>
  prompt.trim() === ""
    ? Effect.fail(new InvalidInput({ field: "prompt", reason: "it is empty: say what the agent is to do" }))
    : Effect.void
