/** Words for people: times, amounts, and texts of strangers. */
import { neutral, neutralLine } from "../../domain/Neutral.ts"

/** A stranger's text on one line, with hidden characters made visible. */
export const line = neutralLine
/** A stranger's text with its lines. Colours of a terminal are left out. */
export const text = (given: string): string =>
  neutral(given.replace(/\p{Cc}\[[0-9;]*m/gu, "").replaceAll("\r\n", "\n"))

const UNITS: ReadonlyArray<readonly [Intl.RelativeTimeFormatUnit, number]> = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
]
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" })

/** Such as "5 minutes ago" or "in 2 hours". */
export const since = (at: number, now = Date.now()): string => {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(now - at) >= size) ?? ["second", 1000]
  return relative.format(Math.round((at - now) / size), unit)
}

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" })
/** A time in the viewer's time zone. */
export const time = (at: number): string => exact.format(at)

/** Such as "2 h 5 min". */
export const length = (seconds: number): string => {
  if (seconds < 60) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 })
/** Such as "1.2M". */
export const amount = (count: number): string => compact.format(count)

const dollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD" })
/** Such as "$1.20". */
export const money = (cost: number): string => dollars.format(cost)

/** Such as "1 run" and "2 runs". */
export const count = (number: number, thing: string): string => `${number} ${thing}${number === 1 ? "" : "s"}`
