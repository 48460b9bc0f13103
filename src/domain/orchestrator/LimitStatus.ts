/** The limits of a service as `orchestrate status` shows them: each with what is used, and what is left. */
import { Duration, Schema } from "effect"
import type { Budget } from "./Budgets.ts"
import type { Configuration } from "./Configuration.ts"
import { repositoryEntry } from "./RepositoryPattern.ts"
import type { UsageTotal } from "./Usage.ts"

const Amounts = Schema.Struct({
  runs: Schema.optional(Schema.Number),
  seconds: Schema.optional(Schema.Number),
  tokens: Schema.optional(Schema.Number),
  cost: Schema.optional(Schema.Number),
})
type Amounts = typeof Amounts.Type

const budgets = { day: Schema.optional(Amounts), issue: Schema.optional(Amounts) }

/** The limits that a service enforces, as it reports them to other processes. */
export const ReportedLimits = Schema.Struct({
  running: Schema.Int,
  perRepository: Schema.optional(Schema.Int),
  perOrganisation: Schema.optional(Schema.Int),
  timeZone: Schema.String,
  ...budgets,
  /** For how many heads with failed checks the agent is resumed. */
  ciFeedback: Schema.Int,
  /** By the keys of `repositories`. */
  repositories: Schema.Record({
    key: Schema.String,
    value: Schema.Struct({ running: Schema.optional(Schema.Int), ...budgets }),
  }),
})
/** The limits that a service enforces. */
export type ReportedLimits = typeof ReportedLimits.Type

/** A limit, with its use. */
export interface LimitRow {
  /** What it is a limit of. `run` is the newest run of an issue. */
  readonly of: "machine" | "organisation" | "repository" | "day" | "issue" | "run"
  /** Name of the machine, the owner, the repository, the day, the issue or the bottle. */
  readonly name: string
  /** What is counted. `heads`: heads with failed checks for which the agent was resumed. */
  readonly what: "running" | "runs" | "seconds" | "tokens" | "cost" | "comments" | "heads"
  readonly limit: number
  readonly used: number
  readonly left: number
  /** When it is reset, in milliseconds; null when nothing resets it. */
  readonly until: number | null
}

/** A limit; none if there is no such limit. */
export const limitRow = (
  { of, name }: Pick<LimitRow, "of" | "name">,
  what: LimitRow["what"],
  used: number,
  limit: number | undefined,
  until: number | null = null,
): ReadonlyArray<LimitRow> =>
  limit === undefined ? [] : [{ of, name, what, limit, used, left: Math.max(0, limit - used), until }]

/** Money is counted in millionths. */
const MONEY = 1_000_000

/** The parts of a budget. */
export const budgetRows = (
  place: Pick<LimitRow, "of" | "name">,
  budget: Amounts | undefined,
  used: Pick<UsageTotal, "runs" | "seconds" | "tokens" | "cost">,
  until: number | null = null,
): ReadonlyArray<LimitRow> => [
  ...limitRow(place, "runs", used.runs, budget?.runs, until),
  ...limitRow(place, "seconds", used.seconds, budget?.seconds, until),
  ...limitRow(place, "tokens", used.tokens, budget?.tokens, until),
  ...limitRow(place, "cost", used.cost / MONEY, budget?.cost, until),
]

/** The limits of one repository. */
export const repositoryLimits = (
  { repositories, perRepository }: ReportedLimits,
  owner: string,
  repo: string,
): ReportedLimits["repositories"][string] => {
  const found = repositoryEntry(repositories, owner, repo)
  const own = found._tag === "Some" ? found.value.value : {}
  const running = own.running ?? perRepository
  return { ...own, ...(running !== undefined && { running }) }
}

/** The limits of a configuration. */
export const reportedLimits = ({
  limits,
  budgets: { timeZone, ...all },
  ciFeedback,
  repositories,
}: Configuration): ReportedLimits => ({
  ...limits,
  timeZone,
  ...amountsOf(all),
  ciFeedback,
  repositories: Object.fromEntries(
    Object.entries(repositories).map(([name, settings]) => [
      name,
      {
        ...(settings?.limits?.running !== undefined && { running: settings.limits.running }),
        ...amountsOf(settings?.budgets ?? {}),
      },
    ]),
  ),
})

const amountsOf = ({
  day,
  issue,
}: {
  readonly day?: Budget | undefined
  readonly issue?: Budget | undefined
}) => ({
  ...(day !== undefined && { day: amounts(day) }),
  ...(issue !== undefined && { issue: amounts(issue) }),
})

const amounts = ({ time, ...rest }: Budget): Amounts => ({
  ...rest,
  ...(time !== undefined && { seconds: Math.ceil(Duration.toSeconds(time)) }),
})
