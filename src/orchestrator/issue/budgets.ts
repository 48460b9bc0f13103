/** budgetBounds: what the budgets of the service and of a repository leave for one more run of an issue. */
import { Effect } from "effect"
import { isAbout } from "../../domain/ForgeState.ts"
import { boundsOf, type Budget, nextDay, zoneOf } from "../../domain/orchestrator/Budgets.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import type { Bound } from "../../domain/orchestrator/Observed.ts"
import { dayOf, type UsageOf } from "../../domain/orchestrator/Usage.ts"
import type { RunUnderWay } from "../../programs/runsUnderWay.ts"
import { Usage } from "../../services/Usage.ts"
import { ServedRepositories, type ServedRepository } from "../ServedRepositories.ts"

/** Runs in progress count as used: they are only summed when they have ended. */
export const budgetBounds = Effect.fn("budgetBounds")(function* (
  issue: IssueKey,
  served: ServedRepository,
  underWay: ReadonlyArray<RunUnderWay>,
  now: number,
) {
  const { budgets = {}, timeZone = "UTC" } = yield* ServedRepositories
  const usage = yield* Usage
  const zone = zoneOf(timeZone)
  const day = dayOf(now, zone)
  const { forge, owner, repo, issueNumber } = issue
  const name = `${owner}/${repo}`
  const bounds = Effect.fnUntraced(function* (
    budget: Budget | undefined,
    { of, which, counts, until }: Scope,
  ) {
    if (budget === undefined) return []
    const ended = yield* usage.total(which)
    const open = underWay.filter(counts)
    const used = {
      ...ended,
      runs: ended.runs + open.length,
      seconds: ended.seconds + open.reduce((sum, { seconds }) => sum + seconds, 0),
    }
    return boundsOf(budget, used, of, until)
  })
  const until = nextDay(now, zone)
  const here = ({ of }: RunUnderWay) => isAbout({ ...of, issueNumber }, issue)
  const all: ReadonlyArray<readonly [Budget | undefined, Scope]> = [
    [budgets.day, { of: "the day", which: { day }, counts: () => true, until }],
    [
      served.budgets?.day,
      { of: `the day of ${name}`, which: { day, forge, owner, repo }, counts: here, until },
    ],
    ...[budgets.issue, served.budgets?.issue].map((budget): readonly [Budget | undefined, Scope] => [
      budget,
      {
        of: "this issue",
        which: { forge, owner, repo, issueNumber },
        counts: ({ of }) => isAbout(of, issue),
      },
    ]),
  ]
  const found: ReadonlyArray<ReadonlyArray<Bound>> = yield* Effect.forEach(all, ([budget, scope]) =>
    bounds(budget, scope),
  )
  return found.flat()
})

interface Scope {
  readonly of: string
  readonly which: UsageOf
  readonly counts: (run: RunUnderWay) => boolean
  /** When it is reset. */
  readonly until?: number
}
