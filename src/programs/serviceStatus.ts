/** serviceStatus: whether a service is running, what each issue waits for, and why launches are held back. */
import { Effect, Option, Order } from "effect"
import type { InboxRow } from "../domain/orchestrator/InboxHint.ts"
import { type IssueKey, issueId } from "../domain/orchestrator/IssueKey.ts"
import {
  hintedStatus,
  isOfInterest,
  type IssueStatus,
  issueStatus,
} from "../domain/orchestrator/IssueStatus.ts"
import type { ReportedHealth } from "../domain/orchestrator/ServiceHealth.ts"
import { Inbox } from "../services/Inbox.ts"
import { IssueStates } from "../services/IssueStates.ts"
import { ServiceState } from "../services/ServiceState.ts"
import { allPages } from "./allPages.ts"

/** A service, and its issues. */
export interface ServiceStatus {
  /** The service that reported last; none when none ever did. */
  readonly service: Option.Option<ReportedHealth>
  /** When launches were paused, in milliseconds. */
  readonly pausedAt: Option.Option<number>
  /** Ordered by forge, owner, repository, number. */
  readonly issues: ReadonlyArray<IssueStatus>
}

/**
 * The issues that are meant for an agent, or all issues that were ever looked at. Reads only the stores: needs no service, forge or
 * backend.
 */
export const serviceStatus = Effect.fn("serviceStatus")(function* (options: { readonly all?: boolean } = {}) {
  const inbox = yield* Inbox
  const service = yield* ServiceState
  const states = yield* allPages((yield* IssueStates).all)
  const aside = byIssue(yield* allPages(inbox.setAside))
  const waiting = byIssue(yield* allPages(inbox.waiting))
  const known = new Set(states.map(issueId))
  const others = [...aside.values(), ...waiting.values()].filter(({ issue }) => !known.has(issueId(issue)))
  const first = new Map(others.toReversed().map((other) => [issueId(other.issue), other]))
  const issues: ReadonlyArray<IssueStatus> = [
    ...states.map((state) => issueStatus(state, aside.get(issueId(state))?.hint)),
    ...[...first.values()].map(({ issue, hint }) => hintedStatus(issue, hint)),
  ]
  return {
    service: yield* service.health,
    pausedAt: yield* service.pausedAt,
    issues: issues.filter((issue) => options.all === true || isOfInterest(issue)).toSorted(byKey),
  } satisfies ServiceStatus
})

/** The status of issues of which only hints are known, from so many of these hints; those that were set aside come first. */
export const hintedAlone = Effect.fn("hintedAlone")(function* (limit: number) {
  const inbox = yield* Inbox
  const states = yield* IssueStates
  const hints = [...(yield* inbox.setAside({ limit })), ...(yield* inbox.waiting({ limit }))]
  const all = yield* Effect.forEach(byIssue(hints).values(), ({ issue, hint }) =>
    Effect.map(states.get(issue), (row) => (Option.isNone(row) ? [hintedStatus(issue, hint)] : [])),
  )
  return all.flat()
})

const byKey = Order.combineAll<IssueKey>([
  Order.mapInput(Order.string, ({ forge, owner, repo }) => `${forge}/${owner}/${repo}`.toLowerCase()),
  Order.mapInput(Order.number, ({ issueNumber }) => issueNumber),
])

interface Hinted {
  readonly issue: IssueKey
  readonly hint: InboxRow
}

/** The oldest hint of each issue. */
const byIssue = (hints: ReadonlyArray<InboxRow>): ReadonlyMap<string, Hinted> =>
  new Map(
    hints.toReversed().flatMap((hint) => {
      const { forge, owner, repo, issueNumber } = hint
      if (issueNumber === null) return []
      const issue = { forge, owner, repo, issueNumber }
      return [[issueId(issue), { issue, hint }] as const]
    }),
  )
