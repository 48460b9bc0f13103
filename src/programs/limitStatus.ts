/** limitStatus: the limits that the service last reported, each with what is left now. Reads only the stores, so it needs no service. */
import { Clock, Effect, Option } from "effect"
import { type ForgeStateKey, isAbout } from "../domain/ForgeState.ts"
import { nextDay, zoneOf } from "../domain/orchestrator/Budgets.ts"
import { type IssueKey, issueId } from "../domain/orchestrator/IssueKey.ts"
import {
  budgetRows,
  type LimitRow,
  limitRow,
  type ReportedLimits,
  repositoryLimits,
} from "../domain/orchestrator/LimitStatus.ts"
import type { StoredIssue } from "../domain/orchestrator/StoredIssue.ts"
import { HostName } from "../domain/orchestrator/StoredOperation.ts"
import { dayOf, type UsageOf } from "../domain/orchestrator/Usage.ts"
import { BottleEvents } from "../services/BottleEvents.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { IssueStates } from "../services/IssueStates.ts"
import { ServiceState } from "../services/ServiceState.ts"
import { Usage } from "../services/Usage.ts"
import { allPages } from "./allPages.ts"
import { runsAtWork, type RunUnderWay, withUse } from "./runsAtWork.ts"

/** All limits. */
export interface LimitStatus {
  /** Of the machine, organisations, repositories and the day. */
  readonly service: ReadonlyArray<LimitRow>
  /** Of each issue and its newest run, by `issueId`. */
  readonly issues: ReadonlyMap<string, ReadonlyArray<LimitRow>>
}

/** Reads the limits. There are none if no service ever reported any. */
export const limitStatus = Effect.fn("limitStatus")(function* () {
  const health = Option.getOrUndefined(yield* (yield* ServiceState).health)
  const limits = health?.limits
  if (health === undefined || limits === undefined)
    return { service: [], issues: new Map() } satisfies LimitStatus
  const now = yield* Clock.currentTimeMillis
  const states = yield* allPages((yield* IssueStates).all)
  const underWay = yield* withUse(yield* runsAtWork(HostName.make(health.host)), now)
  const used = usedBy(underWay)
  const issues = yield* Effect.forEach(states, (state) =>
    Effect.map(limitsOfIssue(limits, state, used), (rows) => [issueId(state), rows] as const),
  )
  return {
    service: yield* serviceLimits({ host: health.host, limits, states, underWay, used, now }),
    issues: new Map(issues.filter(([, rows]) => rows.length > 0)),
  } satisfies LimitStatus
})

/** The use of what matches, runs in progress included. */
const usedBy = (underWay: ReadonlyArray<RunUnderWay>) =>
  Effect.fnUntraced(function* (which: UsageOf, counts: (of: ForgeStateKey) => boolean) {
    const ended = yield* (yield* Usage).total(which)
    const open = underWay.filter(({ of }) => counts(of))
    const sum = (what: "seconds" | "tokens" | "cost"): number =>
      open.reduce((sum, run) => sum + run[what], ended[what])
    return {
      runs: ended.runs + open.length,
      seconds: sum("seconds"),
      tokens: sum("tokens"),
      cost: sum("cost"),
    }
  })

interface Read {
  readonly host: string
  readonly limits: ReportedLimits
  readonly states: ReadonlyArray<StoredIssue>
  readonly underWay: ReadonlyArray<RunUnderWay>
  readonly used: ReturnType<typeof usedBy>
  readonly now: number
}

const serviceLimits = Effect.fnUntraced(function* ({ host, limits, states, underWay, used, now }: Read) {
  const zone = zoneOf(limits.timeZone)
  const day = dayOf(now, zone)
  const until = nextDay(now, zone)
  const owners = distinct(states, ({ owner }) => owner)
  const repositories = distinct(states, ({ owner, repo }) => `${owner}/${repo}`)
  const running = (counts: (of: ForgeStateKey) => boolean) => underWay.filter(({ of }) => counts(of)).length
  const ofRepositories = yield* Effect.forEach(repositories, (at) =>
    Effect.gen(function* () {
      const { forge, owner, repo } = at
      const own = repositoryLimits(limits, owner, repo)
      const isHere = (of: ForgeStateKey) => isAbout({ ...of, issueNumber: at.issueNumber }, at)
      const place = { of: "repository", name: `${owner}/${repo}` } as const
      return [
        ...limitRow(place, "running", running(isHere), own.running),
        ...budgetRows(place, own.day, yield* used({ day, forge, owner, repo }, isHere), until),
      ]
    }),
  )
  return [
    ...limitRow({ of: "machine", name: host }, "running", underWay.length, limits.running),
    ...owners.flatMap((at) =>
      limitRow(
        { of: "organisation", name: at.owner },
        "running",
        running((of) => isAbout({ ...of, repo: at.repo, issueNumber: at.issueNumber }, at)),
        limits.perOrganisation,
      ),
    ),
    ...ofRepositories.flat(),
    ...budgetRows({ of: "day", name: day }, limits.day, yield* used({ day }, () => true), until),
  ]
})

/** Of two budgets for the same, the tighter one counts. */
const limitsOfIssue = Effect.fnUntraced(function* (
  limits: ReportedLimits,
  issue: StoredIssue,
  used: Read["used"],
) {
  if (issue.state.generation === 0) return []
  const { forge, owner, repo, issueNumber, state } = issue
  const own = repositoryLimits(limits, owner, repo)
  const use = yield* used({ forge, owner, repo, issueNumber }, (of) => isAbout(of, issue))
  const place = { of: "issue", name: `${owner}/${repo}#${issueNumber}` } as const
  const budgets = [limits.issue, own.issue].flatMap((budget) => budgetRows(place, budget, use))
  return [
    ...budgets.filter((row) => !budgets.some((it) => it.what === row.what && isTighter(it, row, budgets))),
    ...limitRow(place, "heads", state.feedback, limits.ciFeedback > 0 ? limits.ciFeedback : undefined),
    ...(yield* commentsOf(issue)),
  ]
})

const isTighter = (it: LimitRow, row: LimitRow, all: ReadonlyArray<LimitRow>): boolean =>
  it.limit < row.limit || (it.limit === row.limit && all.indexOf(it) < all.indexOf(row))

/** Comments of the newest run. What its files do not say is left out. */
const commentsOf = Effect.fnUntraced(function* (issue: IssueKey) {
  const row = Option.getOrUndefined(yield* (yield* ForgeStateStore).get(issue))
  if (row === undefined || row.status === "destroyed") return []
  const bottle = Option.getOrUndefined(yield* (yield* BottleStore).get(row.slug))
  if (bottle === undefined) return []
  const comments = yield* (yield* BottleEvents)
    .comments(row.slug, bottle.run)
    .pipe(Effect.orElseSucceed(() => Option.none()))
  return Option.match(comments, {
    onNone: () => [],
    onSome: ({ used, limit }) => limitRow({ of: "run", name: row.slug }, "comments", used, limit),
  })
})

const distinct = <A>(all: ReadonlyArray<A>, nameOf: (one: A) => string): ReadonlyArray<A> => [
  ...new Map(all.toReversed().map((one) => [nameOf(one).toLowerCase(), one])).values(),
]
