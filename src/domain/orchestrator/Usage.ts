/** What runs used: counted once for each run, summed by day, repository and issue. */
import { DateTime, Schema } from "effect"
import { IssueKey, type RepositoryKey, RunNumber } from "./IssueKey.ts"

/** A calendar day, `YYYY-MM-DD`, in the time zone of the budgets. */
export const Day = Schema.String.pipe(Schema.pattern(/^\d{4}-\d\d-\d\d$/), Schema.brand("Day"))
/** A calendar day. */
export type Day = typeof Day.Type

/** The day of an instant in a time zone. */
export const dayOf = (at: number, zone: DateTime.TimeZone): Day =>
  Day.make(DateTime.formatIsoDate(DateTime.unsafeMakeZoned(at, { timeZone: zone })))

/** What one run used. */
export const RunUse = Schema.Struct({
  run: RunNumber,
  /** When it ended. */
  day: Day,
  seconds: Schema.NonNegativeInt,
  tokens: Schema.NonNegativeInt,
  /** In millionths of the currency unit, so that sums are exact; null when the price is not known. */
  cost: Schema.NullOr(Schema.NonNegativeInt),
})
/** What one run used. */
export type RunUse = typeof RunUse.Type

/** A run that ended. */
export class RunUsage extends Schema.Class<RunUsage>("RunUsage")({
  ...IssueKey.fields,
  generation: Schema.Int,
  ...RunUse.fields,
}) {}

/** Which runs to sum: those that match all given fields. */
export interface UsageOf extends Partial<RepositoryKey>, Partial<Pick<IssueKey, "issueNumber">> {
  readonly day?: Day
}

/** Which runs to sum, from day to day, and by what. */
export interface UsageBy extends Omit<UsageOf, "day"> {
  readonly by: "day" | "repository" | "issue"
  readonly from: Day
  readonly to: Day
  /** At most so many sums: the newest days, or those with the most tokens. */
  readonly limit: number
}

/** The sum of the runs of one day, one repository or one issue. Fields that it is not about are null. */
export interface UsageSum extends UsageTotal {
  readonly day: Day | null
  readonly owner: string | null
  readonly repo: string | null
  readonly issueNumber: number | null
}

/** The sum of runs. */
export interface UsageTotal {
  readonly runs: number
  readonly seconds: number
  readonly tokens: number
  /** In millionths of the currency unit, over the runs with a known price. */
  readonly cost: number
  /** How many runs have no known price. */
  readonly unpriced: number
}
