/** The protocol of a scanner process: its configuration line, and its result for each object. */
import { Schema } from "effect"

/** What to look for. Secrets are passed in this way and never as an argument. */
export const ScanConfig = Schema.parseJson(
  Schema.Struct({
    secrets: Schema.Array(Schema.String),
    /** Whether to apply secretlint's rules. */
    rules: Schema.Boolean,
    /** A directory to write each object to, numbered from 0, for another scanner. */
    extractTo: Schema.optional(Schema.String),
  }),
)

/** A finding in an object. */
export const Scanned = Schema.parseJson(
  Schema.Struct({
    object: Schema.String,
    findings: Schema.Array(
      Schema.Struct({ line: Schema.Number, rule: Schema.String, digest: Schema.String }),
    ),
  }),
)

/** The rule name of a known secret. */
export const KNOWN_SECRET = "known-secret"

/** The object name of the last verdict, after everything was read. Without it the scan is incomplete. */
export const THE_END = "end"
