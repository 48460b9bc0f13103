/** Settings of the life of an issue for one repository. Times are in milliseconds. */

/** Settings of the life of an issue. */
export interface LifeSettings {
  /** `orchestrate pause` is in effect: nothing starts. */
  readonly paused: boolean
  /** Login of the orchestrator's account, for mentions. */
  readonly botLogin: string
  /** Agents and bottles that may be named; all if absent. */
  readonly agents?: ReadonlyArray<string>
  readonly bottles?: ReadonlyArray<string>
  readonly settle: number
  readonly resumeOn: "any" | "mention"
  /** For how many heads with failed checks the agent is resumed; 0: none. */
  readonly ciFeedback: number
  readonly onConflict: "ignore" | "resume"
  readonly closeGrace: number
  /** How long a frozen bottle without an open pull request is kept. */
  readonly expire: number
  /** How long a run may show no sign of life. */
  readonly watchdog: number
}

/** Defaults for a configuration that sets none of them. */
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

/** How long an agent may keep running after `signal_done`. */
export const DONE_GRACE = 60_000

/** How long a conflict must have lasted: right after a push the forge has not computed it yet. */
export const CONFLICT_LASTS = 60_000

/** How often a start is attempted. */
export const MAX_TRIES = 3

/** How many resumes conflicts may cause when `ciFeedback` sets no number. */
export const DEFAULT_FEEDBACK = 3

/** Delay before an operation is retried after its `count`th consecutive failure: 1, 5, 25 minutes, then an hour. */
export const retryDelay = (count: number): number => Math.min(60_000 * 5 ** (count - 1), 3_600_000)

/** Shortest rest of a run that the provider stops again after its resume, so that an agent that is refused each time causes no loop. */
export const PROVIDER_REST = 300_000

/** Rest of a route after the `count`th consecutive refusal when the provider gives no time: 5 minutes, doubled up to 4 hours. */
export const providerDelay = (count: number): number => Math.min(300_000 * 2 ** (count - 1), 4 * 3_600_000)
