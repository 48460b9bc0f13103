/** The rows of the orchestrator's stores in memory, and how they are compared. */
import type { HistoryEntry, NewHistoryEntry } from "../../domain/orchestrator/History.ts"
import type { InboxRow } from "../../domain/orchestrator/InboxHint.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import type { OutboxRow } from "../../domain/orchestrator/Outbox.ts"
import type { StoredIssue } from "../../domain/orchestrator/StoredIssue.ts"
import type { StoredOperation } from "../../domain/orchestrator/StoredOperation.ts"
import type { RunUsage } from "../../domain/orchestrator/Usage.ts"

/** All rows. Maps keep insertion order. */
export interface Tables {
  readonly hints: Map<string, InboxRow>
  /** When hints were handled. */
  readonly handled: Map<string, number>
  readonly issues: Map<string, StoredIssue>
  readonly operations: Map<string, StoredOperation>
  readonly usage: Map<string, RunUsage>
  readonly outbox: Map<string, Sending>
  readonly history: Array<HistoryEntry>
  /** The newest number that was given in the history. */
  entries: number
  seq: number
}

/** A message. It is over when it was sent or given up. */
export interface Sending {
  readonly row: OutboxRow
  readonly nextAt: number
  readonly overAt?: number
}

/** Empty tables. */
export const emptyTables = (): Tables => ({
  hints: new Map(),
  handled: new Map(),
  issues: new Map(),
  operations: new Map(),
  usage: new Map(),
  outbox: new Map(),
  history: [],
  entries: 0,
  seq: 0,
})

/** Adds an entry to the history; nothing when there is none. */
export const addEntry = (tables: Tables, entry: NewHistoryEntry | undefined): void => {
  if (entry === undefined) return
  tables.entries += 1
  tables.history.push({ ...entry, at: Math.ceil(entry.at), seq: tables.entries })
}

/** A row about an issue. */
export interface Named {
  readonly forge: string
  readonly owner: string
  readonly repo: string
  readonly issueNumber: number | null
}

/** Whether two rows are about one issue. */
export const isOf = (a: Named, b: Named): boolean =>
  a.forge === b.forge && isSame(a.owner, b.owner) && isSame(a.repo, b.repo) && a.issueNumber === b.issueNumber

/** Whether two names are the same at a forge. */
export const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

/** By forge, owner, repository, number. */
export const byKey = (a: IssueKey, b: IssueKey): number =>
  byText(a.forge, b.forge) ||
  byText(a.owner.toLowerCase(), b.owner.toLowerCase()) ||
  byText(a.repo.toLowerCase(), b.repo.toLowerCase()) ||
  a.issueNumber - b.issueNumber

/** By the time of the next look. */
export const byTime = (a: StoredIssue, b: StoredIssue): number =>
  (a.state.nextAt ?? 0) - (b.state.nextAt ?? 0) || byKey(a, b)

/** Names and addresses are ASCII. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
