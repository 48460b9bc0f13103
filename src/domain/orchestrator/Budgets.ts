/** Budgets: the limits of use per day and per issue, and what remains of them. */
import { DateTime, Duration, Option, Schema } from "effect"
import { expecting } from "../expecting.ts"
import type { Bound } from "./Observed.ts"
import { DurationText } from "./DurationText.ts"
import type { UsageTotal } from "./Usage.ts"

const Count = Schema.Number.pipe(Schema.int(), Schema.positive()).annotations(
  expecting("a whole number from 1"),
)
const Amount = Schema.Finite.pipe(Schema.positive()).annotations(expecting("a number above 0"))

/** Limits of use in a day, or on one issue. */
export const Budget = Schema.Struct({
  cost: Schema.optional(Amount),
  tokens: Schema.optional(Count),
  /** Running time. */
  time: Schema.optional(DurationText),
  runs: Schema.optional(Count),
}).annotations({ title: "{cost?, tokens?, time?, runs?}" })
/** Limits of use in a day, or on one issue. */
export type Budget = typeof Budget.Type

/** The budgets of the service, or of one repository. */
export interface Budgets {
  readonly day?: Budget | undefined
  readonly issue?: Budget | undefined
}

/** Money is counted in millionths. */
const MONEY = 1_000_000

/** The remainder of a budget as bounds. `used` includes runs in progress. */
export const boundsOf = (
  budget: Budget | undefined,
  used: Pick<UsageTotal, "runs" | "seconds" | "tokens" | "cost">,
  of: string,
  until?: number,
): ReadonlyArray<Bound> => {
  const { cost, tokens, time, runs } = budget ?? {}
  const bound = (what: Bound["what"], used: number, limit: number | undefined): ReadonlyArray<Bound> =>
    limit === undefined ? [] : [{ of, what, used, limit, ...(until !== undefined && { until }) }]
  return [
    ...bound("runs", used.runs, runs),
    ...bound("seconds", used.seconds, time && Math.ceil(Duration.toSeconds(time))),
    ...bound("tokens", used.tokens, tokens),
    ...bound("cost", used.cost / MONEY, cost),
  ]
}

/** The time zone of that name; UTC for an unknown name. */
export const zoneOf = (name: string): DateTime.TimeZone =>
  Option.getOrElse(DateTime.zoneMakeNamed(name), () => DateTime.zoneMakeOffset(0))

/** When the next day begins in a time zone, in milliseconds since the epoch. */
export const nextDay = (at: number, zone: DateTime.TimeZone): number =>
  DateTime.unsafeMakeZoned(at, { timeZone: zone }).pipe(
    DateTime.startOf("day"),
    // This is past midnight whatever the clock changes in between.
    DateTime.add({ hours: 30 }),
    DateTime.startOf("day"),
    DateTime.toEpochMillis,
  )
