/** budgetBounds: what the budgets of the service and of a repository leave for one more run of an issue. */
import { Effect } from "effect"
import { isAbout } from "../../domain/ForgeState.ts"
import { boundsOf, type Budget, nextDay, zoneOf } from "../../domain/orchestrator/Budgets.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import type { Bound } from "../../domain/orchestrator/Observed.ts"
import { dayOf, type UsageOf } from "../../domain/orchestrator/Usage.ts"
import { type RunAtWork, withUse } from "../../programs/runsAtWork.ts"
import { Usage } from "../../services/Usage.ts"
import { ServedRepositories, type ServedRepository } from "../ServedRepositories.ts"

/** What budgets leave. */
export interface LeftOfBudgets {
  readonly bounds: ReadonlyArray<Bound>
  /** Whether the cost of every run that counts against a budget of money is known. */
  readonly costKnown: boolean
}

/** Runs in progress count with what they have used: they are only summed when they have ended. */
export const budgetBounds = Effect.fn("budgetBounds")(function* (
  issue: IssueKey,
  served: ServedRepository,
  atWork: ReadonlyArray<RunAtWork>,
  now: number,
) {
  const { budgets = {}, timeZone = "UTC" } = yield* ServedRepositories
  const wanted = [budgets.day, budgets.issue, served.budgets?.day, served.budgets?.issue]
  if (wanted.every((budget) => budget === undefined)) return NOTHING
  const usage = yield* Usage
  const underWay = yield* withUse(atWork, now)
  const zone = zoneOf(timeZone)
  const day = dayOf(now, zone)
  const { forge, owner, repo, issueNumber } = issue
  const name = `${owner}/${repo}`
  const bounds = Effect.fnUntraced(function* (
    budget: Budget | undefined,
    { of, which, counts, until }: Scope,
  ) {
    if (budget === undefined) return NOTHING
    const ended = yield* usage.total(which)
    const open = underWay.filter(counts)
    const sum = (what: "seconds" | "tokens" | "cost" | "unpriced"): number =>
      open.reduce((sum, run) => sum + run[what], ended[what])
    const used = {
      runs: ended.runs + open.length,
      seconds: sum("seconds"),
      tokens: sum("tokens"),
      cost: sum("cost"),
    }
    return {
      bounds: boundsOf(budget, used, of, until),
      costKnown: budget.cost === undefined || sum("unpriced") === 0,
    } satisfies LeftOfBudgets
  })
  const until = nextDay(now, zone)
  const here = ({ of }: RunAtWork) => isAbout({ ...of, issueNumber }, issue)
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
  const found: ReadonlyArray<LeftOfBudgets> = yield* Effect.forEach(all, ([budget, scope]) =>
    bounds(budget, scope),
  )
  return {
    bounds: found.flatMap(({ bounds }) => bounds),
    costKnown: found.every(({ costKnown }) => costKnown),
  } satisfies LeftOfBudgets
})

const NOTHING: LeftOfBudgets = { bounds: [], costKnown: true }

interface Scope {
  readonly of: string
  readonly which: UsageOf
  readonly counts: (run: RunAtWork) => boolean
  /** When it is reset. */
  readonly until?: number
}
