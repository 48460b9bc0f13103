/** IssueSearch: which stored issues to list, newest decision first. */
import type { IssueKey } from "./IssueKey.ts"
import type { Phase } from "./IssueState.ts"
import { isOfInterest, issueStatus } from "./IssueStatus.ts"
import type { StoredIssue } from "./StoredIssue.ts"

/** The place of an issue in the list. */
export interface IssuePlace extends IssueKey {
  readonly decidedAt: number
}

/** Which stored issues to list: those that match all given fields. */
export interface IssueSearch {
  readonly limit: number
  readonly after?: IssuePlace
  /** Also those that are for no agent, or over. */
  readonly all?: boolean
  readonly phase?: Phase
  /** As `Wait.kind`. */
  readonly waits?: string
  /** Names are compared case-insensitively. */
  readonly owner?: string
  readonly repo?: string
  /** Part of the title, of the reason, or of `owner/repo#number`; ASCII letters are compared case-insensitively. */
  readonly text?: string
}

/** Numbers of issues by phase. */
export type PhaseCounts = Readonly<Record<Phase, number>>

/** Whether a stored issue is to be listed. `isAside`: one of its hints was set aside. */
export const isFound = (
  { all, phase, waits, owner, repo, text }: IssueSearch,
  issue: StoredIssue,
  isAside: boolean,
): boolean =>
  (all === true || isAside || isOfInterest(issueStatus(issue))) &&
  (phase === undefined || issue.state.phase === phase) &&
  (waits === undefined || issue.waits === waits) &&
  (owner === undefined || owner.toLowerCase() === issue.owner.toLowerCase()) &&
  (repo === undefined || repo.toLowerCase() === issue.repo.toLowerCase()) &&
  (text === undefined || searchedText(issue).includes(lowerAscii(text)))

/** The text that a search looks at. */
export const searchedText = ({ owner, repo, issueNumber, title, state }: StoredIssue): string =>
  lowerAscii(`${owner}/${repo}#${issueNumber} ${title ?? ""} ${state.reason}`)

/** As SQLite's `lower`. */
const lowerAscii = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
