/** The source of a secret: a variable, a file, or the output of a command on the host. Never the secret itself. */
import { Duration, Option, Schema } from "effect"
import { durationOf } from "./durationOf.ts"
import { expecting, required } from "./expecting.ts"

const isSpan = (duration: Duration.Duration): boolean =>
  Duration.isFinite(duration) && Duration.greaterThan(duration, Duration.zero)

const Ttl = Schema.String.pipe(
  Schema.filter((text) => Option.exists(durationOf(text), isSpan)),
  // A number would not say its unit.
  (schema) => schema.annotations(expecting("a duration such as 10m")),
)

const Text = Schema.String.pipe(Schema.pattern(/^[^\0]+$/))

/** A relative path could mean a file of the repository in which the operator happens to be. */
const Program = Schema.String.pipe(Schema.pattern(/^(?:~?\/[^\0]+|[^-~/\0][^/\0]*)$/))

const Field = Schema.optional(Schema.String.pipe(Schema.pattern(/^[^.\0]+(?:\.[^.\0]+)*$/)))

const FromVariable = Schema.Struct({ env: Schema.String.pipe(Schema.pattern(/^[A-Za-z_][A-Za-z0-9_]*$/)) })
const FromFile = Schema.Struct({
  file: Text,
  /** The content is JSON, and the secret is the text at these keys, separated by dots. */
  field: Field,
})
const FromCommand = Schema.Struct({
  /** The program, by name or by absolute path, and its arguments. It runs without a shell. */
  command: Schema.NonEmptyArray(Text).pipe(Schema.filter(([program]) => Schema.is(Program)(program))),
  /** How long its output is used, such as `10m`. */
  ttl: required(Ttl, "a duration such as 10m"),
  /** The output is JSON, as for a file. */
  field: Field,
})

/** The rule of {@link SecretSource}, for messages. */
export const SECRET_SOURCE_RULE =
  "{env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT...], ttl: DURATION} with the PROGRAM's name or absolute path, never the secret itself"

/** The source of a secret. */
export const SecretSource = Schema.Union(FromVariable, FromFile, FromCommand).annotations(
  expecting(SECRET_SOURCE_RULE),
)
/** The source of a secret. */
export type SecretSource = typeof SecretSource.Type
/** A source that can have another value during a run. */
export type ChangingSource = Exclude<SecretSource, { readonly env: string }>

/** The source in words. */
export const sourceText = (source: SecretSource): string =>
  "env" in source
    ? `the variable ${source.env}`
    : "file" in source
      ? `the file ${source.file}`
      : `the command ${source.command[0]}`

/** How long the output of a command is used, in milliseconds. */
export const ttlOf = ({ ttl }: { readonly ttl: string }): number =>
  Option.match(durationOf(ttl), { onNone: () => 0, onSome: Duration.toMillis })
