/** Tells from a model provider's response whether it refused a call because of a limit, and until when. */
import { Option } from "effect"

/** The parts of a response that are inspected. */
export interface ProviderAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  /** The beginning of the body as text; `""` when it was not read. */
  readonly body: string
  /** When it arrived, in milliseconds since the epoch. */
  readonly at: number
}

/** A refusal because of a limit. */
export interface ProviderRefusal {
  readonly reason: "rate-limit" | "overloaded" | "usage-limit"
  /** When calls may be made again, in milliseconds since the epoch; absent when the response does not say. */
  readonly until?: number
}

/** Statuses whose body says whether a usage limit was reached. */
const MAY_BE_A_LIMIT: ReadonlySet<number> = new Set([400, 402, 403])

const USAGE = /usage[ _]limit|insufficient_quota|quota[ _]exceeded|billing_|credit balance is too low/i

/** The longest known limit is a week. A time further away is a mistake. */
const LONGEST_MS = 8 * 24 * 3_600_000

/** None: the response is no refusal because of a limit. */
export const refusalOf = (answer: ProviderAnswer): Option.Option<ProviderRefusal> => {
  const { status, body } = answer
  const isUsage = USAGE.test(body) || textOf(answer, "anthropic-ratelimit-unified-status") === "rejected"
  if (status === 529) return Option.some(refusal("overloaded", answer))
  if (status === 429) return Option.some(refusal(isUsage ? "usage-limit" : "rate-limit", answer))
  return MAY_BE_A_LIMIT.has(status) && USAGE.test(body)
    ? Option.some(refusal("usage-limit", answer))
    : Option.none()
}

const refusal = (reason: ProviderRefusal["reason"], answer: ProviderAnswer): ProviderRefusal => {
  const times = [retryAfter(answer), ...exhausted(answer), ...inBody(answer)].filter(
    (time) => time > answer.at && time <= answer.at + LONGEST_MS,
  )
  return { reason, ...(times.length > 0 && { until: Math.ceil(Math.max(...times)) }) }
}

/** Seconds, or a date. */
const retryAfter = (answer: ProviderAnswer): number => {
  const text = textOf(answer, "retry-after")
  return /^\d+(\.\d+)?$/.test(text) ? answer.at + Number(text) * 1000 : Date.parse(text)
}

/** The reset time of the limits that are used up. Other resets concern calls that may still be made. */
const exhausted = (answer: ProviderAnswer): ReadonlyArray<number> =>
  Object.keys(answer.headers).flatMap((name) => {
    const [, anthropic, openai] =
      /^(?:anthropic-ratelimit-(.+)-reset|x-ratelimit-reset-(.+))$/.exec(name) ?? []
    const left =
      anthropic === undefined
        ? openai && textOf(answer, `x-ratelimit-remaining-${openai}`)
        : anthropic.startsWith("unified")
          ? textOf(answer, `anthropic-ratelimit-${anthropic}-status`) === "rejected" && "0"
          : textOf(answer, `anthropic-ratelimit-${anthropic}-remaining`)
    return left === "0" ? [timeOf(textOf(answer, name), answer.at)] : []
  })

/** OpenAI's fields about the limits of a plan. */
const inBody = ({ body, at }: ProviderAnswer): ReadonlyArray<number> => {
  const [, seconds] = /"resets_in_seconds"\s*:\s*(\d{1,9})/.exec(body) ?? []
  const [, epoch] = /"resets_at"\s*:\s*(\d{9,11})\b/.exec(body) ?? []
  return [
    ...(seconds === undefined ? [] : [at + Number(seconds) * 1000]),
    ...(epoch === undefined ? [] : [Number(epoch) * 1000]),
  ]
}

/** A date, seconds since the epoch, or a duration such as `6m0s` or `20ms`. */
const timeOf = (text: string, at: number): number => {
  if (/^\d{9,11}$/.test(text)) return Number(text) * 1000
  if (/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) {
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
    return at + parts.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (UNITS[unit] ?? 0), 0)
  }
  return Date.parse(text)
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const textOf = ({ headers }: ProviderAnswer, name: string): string => {
  const value = headers[name]
  return (typeof value === "string" ? value : (value?.[0] ?? "")).trim()
}
