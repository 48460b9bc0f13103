/** A duration in the configuration, such as `5 minutes` or `1h30m`. */
import { Duration, Option, Schema } from "effect"
import { durationOf } from "../durationOf.ts"
import { expecting } from "../expecting.ts"

const isSpan = (duration: Duration.Duration): boolean =>
  Duration.isFinite(duration) && Duration.greaterThan(duration, Duration.zero)

/** A finite, positive duration such as `5 minutes` or `1h30m`. */
export const DurationText = Schema.String.pipe(
  Schema.filter((text) => Option.exists(durationOf(text), isSpan)),
  Schema.transform(Schema.DurationFromSelf, {
    strict: true,
    decode: (text) => Option.getOrElse(durationOf(text), () => Duration.zero),
    encode: (duration) => `${Duration.toMillis(duration)} millis`,
  }),
  // A number would not say its unit.
  (schema) => schema.annotations(expecting("a duration such as 5 minutes")),
)
