/** What changed on a forge, over every repository that a token sees. */

/** An issue or a pull request that changed. */
export interface ChangedIssue {
  readonly owner: string
  readonly repo: string
  readonly number: number
  readonly isPull: boolean
  readonly state: "open" | "closed"
  readonly labels: ReadonlyArray<string>
  /** When it changed last, by the forge's clock, in milliseconds since the epoch; forges may know whole seconds alone. */
  readonly updatedAt: number
}

/** A part of what changed. */
export interface ForgeChanges {
  /** The forge's clock when it made this part, in milliseconds; absent when it does not say. */
  readonly forgeTime?: number
  readonly changes: ReadonlyArray<ChangedIssue>
}
