/** What a scanner process is told first, and what it answers of each object. */
import { Schema } from "effect"

/** What to look for; secrets come this way and never as an argument. */
export const ScanConfig = Schema.parseJson(
  Schema.Struct({
    secrets: Schema.Array(Schema.String),
    /** Whether to apply secretlint's rules. */
    rules: Schema.Boolean,
    /** A directory into which each object is written, numbered from 0, for another scanner. */
    extractTo: Schema.optional(Schema.String),
  }),
)

/** What was found in an object. */
export const Scanned = Schema.parseJson(
  Schema.Struct({
    object: Schema.String,
    findings: Schema.Array(
      Schema.Struct({ line: Schema.Number, rule: Schema.String, digest: Schema.String }),
    ),
  }),
)

/** The rule of a secret that is known. */
export const KNOWN_SECRET = "known-secret"

/** Object of the last verdict, when all was read: without it something was left out. */
export const THE_END = "end"
