/** Settings of the life of an issue, as they hold for one repository; times in milliseconds. */

/** Settings of the life of an issue. */
export interface LifeSettings {
  /** `orchestrate pause` was given: nothing starts. */
  readonly paused: boolean
  /** Login of the orchestrator's account, for mentions. */
  readonly botLogin: string
  /** Agents and bottles that may be named; all when absent. */
  readonly agents?: ReadonlyArray<string>
  readonly bottles?: ReadonlyArray<string>
  readonly settle: number
  readonly resumeOn: "any" | "mention"
  /** How many heads with failed checks the agent is resumed for; 0: none. */
  readonly ciFeedback: number
  readonly onConflict: "ignore" | "resume"
  readonly closeGrace: number
  /** How long a frozen bottle without an open pull request is kept. */
  readonly expire: number
  /** How long a run may give no sign of life. */
  readonly watchdog: number
}

/** What a configuration that names none of them means. */
export const defaultLife = {
  paused: false,
  settle: 60_000,
  resumeOn: "any",
  ciFeedback: 0,
  onConflict: "ignore",
  closeGrace: 10 * 60_000,
  expire: 30 * 24 * 3_600_000,
  watchdog: 30 * 60_000,
} as const satisfies Omit<LifeSettings, "botLogin">

/** How long an agent may go on after `signal_done`. */
export const DONE_GRACE = 60_000

/** How long a conflict must have lasted: right after a push the forge does not know yet. */
export const CONFLICT_LASTS = 60_000

/** How often a start is tried. */
export const MAX_TRIES = 3

/** How many resumes conflicts may cause where `ciFeedback` sets no number. */
export const DEFAULT_FEEDBACK = 3

/** How long after the `count`th failure in a row an operation is tried again: 1, 5, 25 minutes, then each hour. */
export const retryDelay = (count: number): number => Math.min(60_000 * 5 ** (count - 1), 3_600_000)

/** How long a run rests at least that the provider stops again after its resume: an agent that is refused each time starts no loop. */
export const PROVIDER_REST = 300_000

/** How long a route rests after the `count`th refusal in a row where the provider does not say: 5 minutes, doubled up to 4 hours. */
export const providerDelay = (count: number): number => Math.min(300_000 * 2 ** (count - 1), 4 * 3_600_000)
