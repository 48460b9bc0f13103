/** Parses durations as people write them: `45m`, `1h30m`, and Effect's `45 minutes`. */
import { Duration, Option } from "effect"

const MILLIS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const SHORT = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g

/** The duration of a text; none when it is not a duration. A number without a unit is refused. */
export const durationOf = (text: string): Option.Option<Duration.Duration> => {
  const plain = text.trim()
  if (!SHORT.test(plain)) return Duration.decodeUnknown(text)
  const parts = [...plain.matchAll(PART)]
  return Option.some(
    Duration.millis(
      parts.reduce((sum, [, count, unit]) => sum + Number(count) * (MILLIS[unit ?? ""] ?? 0), 0),
    ),
  )
}
