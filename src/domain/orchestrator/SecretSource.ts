/** Where a secret is read from: a variable, a file, or the output of a command on the host. Never the secret itself. */
import { Duration, Option, Schema } from "effect"
import { durationOf } from "../durationOf.ts"
import { expecting, required } from "../expecting.ts"

const isSpan = (duration: Duration.Duration): boolean =>
  Duration.isFinite(duration) && Duration.greaterThan(duration, Duration.zero)

/** A duration such as `5 minutes` or `1h30m`: finite, and longer than nothing. */
export const DurationText = Schema.String.pipe(
  Schema.filter((text) => Option.exists(durationOf(text), isSpan)),
  Schema.transform(Schema.DurationFromSelf, {
    strict: true,
    decode: (text) => Option.getOrElse(durationOf(text), () => Duration.zero),
    encode: (duration) => `${Duration.toMillis(duration)} millis`,
  }),
  // A number would leave the unit to guesses.
  (schema) => schema.annotations(expecting("a duration such as 5 minutes")),
)

const Text = Schema.String.pipe(Schema.pattern(/^[^\0]+$/))

const FromVariable = Schema.Struct({ env: Schema.String.pipe(Schema.pattern(/^[A-Za-z_][A-Za-z0-9_]*$/)) })
const FromFile = Schema.Struct({ file: Text })
const FromCommand = Schema.Struct({
  /** The first is the program; no shell reads it. */
  command: Schema.NonEmptyArray(Text),
  /** How long its output is kept. */
  ttl: required(DurationText, "a duration such as 5 minutes"),
})

/** What {@link SecretSource} wants, for messages. */
export const SECRET_SOURCE_RULE =
  "{env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT...], ttl: DURATION}, never the secret itself"

/** Where a secret is read from. */
export const SecretSource = Schema.Union(FromVariable, FromFile, FromCommand).annotations(
  expecting(SECRET_SOURCE_RULE),
)
/** Where a secret is read from. */
export type SecretSource = typeof SecretSource.Type
