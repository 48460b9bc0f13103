/** The source of a secret: a variable, a file, or the output of a command on the host. Never the secret itself. */
import { Duration, Option, Schema } from "effect"
import { durationOf } from "../durationOf.ts"
import { expecting, required } from "../expecting.ts"

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

const Text = Schema.String.pipe(Schema.pattern(/^[^\0]+$/))

const FromVariable = Schema.Struct({ env: Schema.String.pipe(Schema.pattern(/^[A-Za-z_][A-Za-z0-9_]*$/)) })
const FromFile = Schema.Struct({ file: Text })
const FromCommand = Schema.Struct({
  /** The first element is the program; it is run without a shell. */
  command: Schema.NonEmptyArray(Text),
  /** How long its output is cached. */
  ttl: required(DurationText, "a duration such as 5 minutes"),
})

/** The rule of {@link SecretSource}, for messages. */
export const SECRET_SOURCE_RULE =
  "{env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT...], ttl: DURATION}, never the secret itself"

/** The source of a secret. */
export const SecretSource = Schema.Union(FromVariable, FromFile, FromCommand).annotations(
  expecting(SECRET_SOURCE_RULE),
)
/** The source of a secret. */
export type SecretSource = typeof SecretSource.Type
