/** Changes on a forge, in all repositories that a token sees. */

/** An issue or a pull request that changed. */
export interface ChangedIssue {
  readonly owner: string
  readonly repo: string
  readonly number: number
  readonly isPull: boolean
  readonly state: "open" | "closed"
  readonly labels: ReadonlyArray<string>
  /** When it last changed, by the forge's clock, in milliseconds since the epoch. Some forges only have whole seconds. */
  readonly updatedAt: number
}

/** A part of the list of changes. */
export interface ForgeChanges {
  /** The forge's clock when it produced this part, in milliseconds; absent when it does not say. */
  readonly forgeTime?: number
  readonly changes: ReadonlyArray<ChangedIssue>
}
