/** What the HTTP interface has about issues: lists, details, runs, the timeline, statements, and the order to try again. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import { Schema } from "effect"
import { HistoryEntry, OperationKind } from "../../../domain/orchestrator/History.ts"
import { IssueNumber, Millis, RepositoryKey, RunNumber } from "../../../domain/orchestrator/IssueKey.ts"
import { Phase } from "../../../domain/orchestrator/IssueState.ts"
import { IssueStatus } from "../../../domain/orchestrator/IssueStatus.ts"
import { Day } from "../../../domain/orchestrator/Usage.ts"
import { Envelope, RunStatement } from "../../../domain/Provenance.ts"
import { Slug } from "../../../domain/Slug.ts"
import { BadRequest, NotFound, Unavailable } from "./errors.ts"
import { pageOf, pageParams } from "./page.ts"

/** An issue in a list. Title and reason may have text of strangers. */
export const IssueView = Schema.Struct({
  ...IssueStatus.fields,
  /** Address of the issue at the forge. */
  url: Schema.String,
  /** The bottle that handles it, or that did; null when it never had one. */
  bottle: Schema.NullOr(
    Schema.Struct({
      slug: Slug,
      agent: Schema.String,
      /** Number and address of the newest pull request of its runs. */
      pr: Schema.NullOr(Schema.Struct({ number: Schema.Number, url: Schema.String })),
    }),
  ),
})
/** An issue in a list. */
export type IssueView = typeof IssueView.Type

/** A run of an issue. */
export const RunView = Schema.Struct({
  slug: Slug,
  run: RunNumber,
  /** Counts the bottles of the issue. */
  generation: Schema.Int,
  operation: OperationKind,
  /** Why it was started. */
  reason: Schema.String,
  /** `open` while the operation is under way, and `failed` when its start failed. */
  state: Schema.Literal("open", "done", "failed"),
  problem: Schema.NullOr(Schema.String),
  decidedAt: Millis,
  /** What it used, `cost` in US dollars; null until it has ended, and where nothing was counted. */
  use: Schema.NullOr(
    Schema.Struct({
      day: Day,
      seconds: Schema.NonNegativeInt,
      tokens: Schema.NonNegativeInt,
      cost: Schema.NullOr(Schema.Number),
    }),
  ),
})

/** One issue. */
export const IssueDetail = Schema.Struct({
  ...IssueView.fields,
  /** The rule that made the last decision; null when it has not been looked at. */
  rule: Schema.NullOr(Schema.String),
  /** How many bottles it had. */
  generation: Schema.Int,
  /** What all its runs used that have ended; `cost` in US dollars. */
  use: Schema.Struct({
    runs: Schema.NonNegativeInt,
    seconds: Schema.NonNegativeInt,
    tokens: Schema.NonNegativeInt,
    cost: Schema.Number,
    unpriced: Schema.NonNegativeInt,
  }),
})

/** What is stated about a run. */
export const ProvenanceOfRun = Schema.Struct({
  slug: Slug,
  run: Schema.Number,
  /** Null when it was written by a version whose statements this one cannot read. */
  statement: Schema.NullOr(RunStatement),
  /** The signed statement; null until it is signed. */
  envelope: Schema.NullOr(Envelope),
})

const owner = HttpApiSchema.param("owner", RepositoryKey.fields.owner)
const repo = HttpApiSchema.param("repo", RepositoryKey.fields.repo)
const number = HttpApiSchema.param(
  "number",
  Schema.NumberFromString.pipe(Schema.compose(IssueNumber, { strict: false })),
)

const list = HttpApiEndpoint.get("list", "/issues")
  .setUrlParams(
    Schema.Struct({
      ...pageParams,
      phase: Schema.optional(Phase),
      /** What it waits for, such as `settle`. */
      waits: Schema.optional(Schema.String.pipe(Schema.pattern(/^[a-z-]{1,40}$/))),
      /** `OWNER/NAME`, or `OWNER`. */
      repository: Schema.optional(
        Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9_.-]{1,100}(\/[A-Za-z0-9_.-]{1,100})?$/)),
      ),
      /** Part of the title, the reason, or `OWNER/NAME#NUMBER`. */
      text: Schema.optional(Schema.String.pipe(Schema.maxLength(200))),
      /** Also issues that are for no agent, or over. */
      all: Schema.optional(Schema.Literal("true", "false")),
    }),
  )
  .addSuccess(pageOf(IssueView))
  .addError(BadRequest)

const get = HttpApiEndpoint.get("get")`/issues/${owner}/${repo}/${number}`
  .addSuccess(IssueDetail)
  .addError(NotFound)

const runs = HttpApiEndpoint.get("runs")`/issues/${owner}/${repo}/${number}/runs`
  .setUrlParams(Schema.Struct(pageParams))
  .addSuccess(pageOf(RunView))
  .addError(BadRequest)
  .addError(NotFound)

const timeline = HttpApiEndpoint.get("timeline")`/issues/${owner}/${repo}/${number}/timeline`
  .setUrlParams(Schema.Struct(pageParams))
  .addSuccess(pageOf(HistoryEntry))
  .addError(BadRequest)
  .addError(NotFound)

const retry = HttpApiEndpoint.post("retry")`/issues/${owner}/${repo}/${number}/retry`
  .addSuccess(IssueView)
  .addError(NotFound)

/** `GET /issues`, and below `/issues/OWNER/NAME/NUMBER`: the issue, `runs`, `timeline` (oldest first), and `POST retry` */
export const issues = HttpApiGroup.make("issues")
  .add(list)
  .add(get)
  .add(runs)
  .add(timeline)
  .add(retry)
  .addError(Unavailable)

/** `GET /provenance`: the runs for an issue, by its repository and number. */
export const provenance = HttpApiGroup.make("provenance").add(
  HttpApiEndpoint.get("ofIssue", "/provenance")
    .setUrlParams(
      Schema.Struct({
        owner: Schema.NonEmptyString,
        repo: Schema.NonEmptyString,
        issue: Schema.NumberFromString.pipe(Schema.int(), Schema.positive()),
      }),
    )
    .addSuccess(Schema.Array(ProvenanceOfRun))
    .addError(Unavailable),
)
