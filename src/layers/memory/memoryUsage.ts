/** Usage in memory: each run once, summed on request. */
import { Array as Arr, Effect } from "effect"
import { issueId } from "../../domain/orchestrator/IssueKey.ts"
import type { RunUsage, UsageBy, UsageOf, UsageSum, UsageTotal } from "../../domain/orchestrator/Usage.ts"
import { Usage } from "../../services/Usage.ts"
import { byText, isSame, type Tables } from "./lifeTables.ts"

/** Usage over the tables. */
export const usageOver = (tables: Tables) =>
  Usage.of({
    record: (usage) => Effect.sync(() => record(tables, usage)),
    total: (of) =>
      Effect.sync(() => [...tables.usage.values()].filter((row) => isAsked(row, of)).reduce(plus, NOTHING)),
    sums: (by) => Effect.sync(() => sumsBy([...tables.usage.values()], by)),
  })

/** Counts a run once. */
export const record = ({ usage }: Tables, run: RunUsage): void => {
  const name = `${issueId(run)}/${run.generation}/${run.run}`
  if (!usage.has(name)) usage.set(name, run)
}

const NOTHING: UsageTotal = { runs: 0, seconds: 0, tokens: 0, cost: 0, unpriced: 0 }

const plus = (sum: UsageTotal, { seconds, tokens, cost }: RunUsage): UsageTotal => ({
  runs: sum.runs + 1,
  seconds: sum.seconds + seconds,
  tokens: sum.tokens + tokens,
  cost: sum.cost + (cost ?? 0),
  unpriced: sum.unpriced + (cost === null ? 1 : 0),
})

const isAsked = (row: RunUsage, of: UsageOf): boolean =>
  (of.day === undefined || of.day === row.day) &&
  (of.forge === undefined || of.forge === row.forge) &&
  (of.owner === undefined || isSame(of.owner, row.owner)) &&
  (of.repo === undefined || isSame(of.repo, row.repo)) &&
  (of.issueNumber === undefined || of.issueNumber === row.issueNumber)

const sumsBy = (
  rows: ReadonlyArray<RunUsage>,
  { by, from, to, limit, ...of }: UsageBy,
): ReadonlyArray<UsageSum> => {
  const asked = rows.filter((row) => isAsked(row, of) && row.day >= from && row.day <= to)
  const groups = Object.entries(Arr.groupBy(asked, (row) => groupOf(by, row)))
  const sums = groups.map(([key, group]) => ({ key, sum: sumOf(by, group) }))
  const order = (a: (typeof sums)[number], b: (typeof sums)[number]) =>
    by === "day" ? byText(b.key, a.key) : b.sum.tokens - a.sum.tokens || byText(a.key, b.key)
  return sums
    .toSorted(order)
    .slice(0, limit)
    .map(({ sum }) => sum)
}

const groupOf = (by: UsageBy["by"], row: RunUsage): string => {
  if (by === "day") return row.day
  const repository = `${row.forge}\0${row.owner.toLowerCase()}\0${row.repo.toLowerCase()}`
  return by === "repository" ? repository : `${repository}\0${String(row.issueNumber).padStart(16, "0")}`
}

const sumOf = (by: UsageBy["by"], group: Arr.NonEmptyReadonlyArray<RunUsage>): UsageSum => {
  const [first] = group
  const least = (name: "owner" | "repo") => group.map((row) => row[name]).toSorted(byText)[0] ?? null
  return {
    ...group.reduce(plus, NOTHING),
    day: by === "day" ? first.day : null,
    owner: by === "day" ? null : least("owner"),
    repo: by === "day" ? null : least("repo"),
    issueNumber: by === "issue" ? first.issueNumber : null,
  }
}
