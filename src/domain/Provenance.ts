/**
 * Signed provenance of a run: an in-toto statement (https://in-toto.io/Statement/v1) in a DSSE envelope. docs/provenance.md documents the
 * predicate.
 */
import { Schema } from "effect"
import { BottleDone, BottleExit, BottleTrouble, RunLaunch } from "./Bottle.ts"
import { Slug } from "./Slug.ts"
import { RunMeter } from "./usage/RunMeter.ts"

/** `_type` of a statement. */
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
/** `predicateType` of a run's statement. */
export const RUN_PREDICATE = "urn:bot-bottle:run:v1"
/** `payloadType` of an envelope. */
export const PAYLOAD_TYPE = "application/vnd.in-toto+json"
/** Name of the subject that is the operation log. */
export const LOG_SUBJECT = "operations.jsonl"
/** First line of an exported file names this format. */
export const EXPORT_FORMAT = "bot-bottle-provenance/1"

const Count = Schema.NonNegativeInt

/** How often each result occurred. */
export const Outcomes = Schema.Struct({ ok: Count, rejected: Count, failed: Count })
/** How often each result occurred. */
export type Outcomes = typeof Outcomes.Type

/** The approval of a plan that a push needed, as in the log: comments on the run's issue by ID, and the login of whoever approved. */
export const PushApproval = Schema.Struct({ plan: Count, comment: Count, by: Schema.String })

/** A push that the upstream took: the line that began it, and the commits that the branches then pointed at. */
export const PushedCommits = Schema.Struct({
  line: Count,
  target: Schema.String,
  commits: Schema.Array(Schema.String),
  /** Absent: none was needed. */
  approval: Schema.optional(PushApproval),
  /** The scanner that found no secret in it, with its version. Absent in logs of versions that did not record it. */
  scanner: Schema.optional(Schema.String),
})
/** A push that the upstream took. */
export type PushedCommits = typeof PushedCommits.Type

/** Counts of a part of an operation log. */
export const LogCounts = Schema.Struct({
  /** By the name of the call. */
  calls: Schema.Record({ key: Schema.String, value: Outcomes }),
  /** By `host:port`. Beyond a hundred hosts, the rest is counted as `others`. */
  egress: Schema.Record({ key: Schema.String, value: Outcomes }),
  pushes: Schema.Array(PushedCommits),
  /** How often something was refused because the scanner found a secret in it. */
  secretsRefused: Count,
})
/** Counts of a part of an operation log. */
export type LogCounts = typeof LogCounts.Type

/** The beginning of an operation log, up to the end of a line. */
export const LogPart = Schema.Struct({
  bytes: Count,
  lines: Count,
  /** Hash of its last line; 64 zeros when it is empty. */
  head: Schema.String,
  /** SHA-256 of these bytes, in hexadecimal. */
  sha256: Schema.String,
})
/** The beginning of an operation log. */
export type LogPart = typeof LogPart.Type

/** The issue that a run worked on. */
export const RunIssue = Schema.Struct({
  forge: Schema.String,
  owner: Schema.String,
  repo: Schema.String,
  number: Schema.Number,
})
/** The issue that a run worked on. */
export type RunIssue = typeof RunIssue.Type

/** What a statement says about a run. */
export const RunPredicate = Schema.Struct({
  slug: Slug,
  run: Schema.Number,
  /** The run whose statement comes before this one; null for the first. */
  previousRun: Schema.NullOr(Schema.Number),
  agent: Schema.String,
  bottles: Schema.Array(Schema.String),
  backend: Schema.String,
  engine: Schema.NullOr(Schema.String),
  /** Digest of the image at the first launch. */
  imageDigest: Schema.NullOr(Schema.String),
  /** What this run was made from, and who started it; null when an older version launched it. */
  launched: Schema.NullOr(RunLaunch),
  issues: Schema.Array(RunIssue),
  startedAt: Schema.NullOr(Schema.String),
  /** When the statement was made. */
  statedAt: Schema.String,
  /** Null when the agent's end is not known: its bottle was destroyed or resumed without anybody having seen it. */
  exit: Schema.NullOr(BottleExit),
  done: Schema.NullOr(Schema.Struct({ status: BottleDone.fields.status, at: Schema.String })),
  trouble: BottleTrouble,
  /** Tokens, money and traffic; null when nothing was counted. */
  use: Schema.NullOr(RunMeter),
  /** The log up to the end of this run, from its first line. */
  log: LogPart,
  /** What the lines of this run contain. */
  counts: LogCounts,
  /** Version of bot-bottle. */
  version: Schema.String,
})
/** What a statement says about a run. */
export type RunPredicate = typeof RunPredicate.Type

/** The statement about a run. */
export const RunStatement = Schema.Struct({
  _type: Schema.Literal(STATEMENT_TYPE),
  subject: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      digest: Schema.Record({ key: Schema.String, value: Schema.String }),
    }),
  ),
  predicateType: Schema.Literal(RUN_PREDICATE),
  predicate: RunPredicate,
})
/** The statement about a run. */
export type RunStatement = typeof RunStatement.Type

/** A DSSE envelope (https://github.com/secure-systems-lab/dsse). */
export const Envelope = Schema.Struct({
  payloadType: Schema.Literal(PAYLOAD_TYPE),
  /** The statement's JSON in base64. */
  payload: Schema.String,
  signatures: Schema.NonEmptyArray(Schema.Struct({ keyid: Schema.String, sig: Schema.String })),
})
/** A DSSE envelope. */
export type Envelope = typeof Envelope.Type

/** The stored statement about a run. */
export interface StoredStatement {
  readonly slug: Slug
  readonly run: number
  /** When it was made, in milliseconds since the epoch. */
  readonly at: number
  /** The statement's JSON: exactly the bytes that are signed. */
  readonly payload: string
  /** Null until it is signed. */
  readonly envelope: Envelope | null
}

/** The first line of an exported file; the operation log follows. */
export const ExportHeader = Schema.parseJson(
  Schema.Struct({
    format: Schema.Literal(EXPORT_FORMAT),
    slug: Slug,
    exportedAt: Schema.String,
    statements: Schema.Array(Envelope),
    /** Public keys (PEM) of the installation, for a reader's convenience: a verifier must have them from elsewhere. */
    publicKeys: Schema.Array(Schema.String),
  }),
)
/** The first line of an exported file. */
export type ExportHeader = typeof ExportHeader.Type

/** The statement about a run, with its subjects: the log, and each pushed commit. */
export const statementOf = (predicate: RunPredicate): RunStatement => ({
  _type: STATEMENT_TYPE,
  subject: [
    { name: LOG_SUBJECT, digest: { sha256: predicate.log.sha256 } },
    ...predicate.counts.pushes.flatMap(({ target, commits }) =>
      commits.map((commit) => ({ name: target, digest: { gitCommit: commit } })),
    ),
  ],
  predicateType: RUN_PREDICATE,
  predicate,
})

/** The JSON of a statement. */
export const encodeStatement = Schema.encode(Schema.parseJson(RunStatement))
/** Reads the JSON of a statement. */
export const decodeStatement = Schema.decodeUnknownOption(Schema.parseJson(RunStatement))
