/** More data of an issue or a pull request: reviews, checks, dependencies, timeline. Times are ISO 8601; `""` when the forge gives none. */
import { Schema } from "effect"
import { Issue, PullRequest } from "./Forge.ts"

/** A comment on a place in the diff. A review thread also has replies of other people: each has its own author. */
export const ReviewLine = Schema.Struct({
  id: Schema.Number,
  user: Schema.String,
  /** False whenever it cannot be decided. */
  authorTrusted: Schema.Boolean,
  path: Schema.String,
  line: Schema.Number,
  /** Whether the line is in the new file or in the old one. */
  side: Schema.Literal("new", "old"),
  /** The surrounding changed lines, as in `diff -u`. */
  hunk: Schema.String,
  body: Schema.String,
  createdAt: Schema.String,
  updatedAt: Schema.String,
})
/** A comment on a place in the diff. */
export type ReviewLine = typeof ReviewLine.Type

/** A submitted review. */
export const Review = Schema.Struct({
  id: Schema.Number,
  user: Schema.String,
  /** False whenever it cannot be decided. */
  authorTrusted: Schema.Boolean,
  state: Schema.Literal("approved", "rejected", "comment"),
  body: Schema.String,
  dismissed: Schema.Boolean,
  /** When it was started. */
  submittedAt: Schema.String,
  /** When it was submitted or dismissed. */
  updatedAt: Schema.String,
  lines: Schema.Array(ReviewLine),
})
/** A submitted review. */
export type Review = typeof Review.Type

/** A file attached to an issue, a pull request or a comment. Its name was chosen by whoever wrote that text. */
export const Attachment = Schema.Struct({
  /** Its ID on this forge; only valid together with the number of the issue or pull request. */
  id: Schema.Number,
  name: Schema.String,
  /** Size in bytes, as the forge reports it. */
  size: Schema.Number,
  createdAt: Schema.String,
  /** The address by which texts on the forge refer to it. It is never fetched just because somebody names it. */
  link: Schema.String,
  /** The comment that it is attached to; null: the description. */
  comment: Schema.NullOr(Schema.Number),
  /** The author of that text. */
  user: Schema.String,
  /** False whenever it cannot be decided. */
  authorTrusted: Schema.Boolean,
})
/** A file attached to a text on the forge. */
export type Attachment = typeof Attachment.Type

/** A file and its content. */
export interface AttachmentContent extends Attachment {
  /** Base64. */
  readonly data: string
}

/** State of a check; `error` is a failure of the infrastructure, not of the commit. */
export const CheckState = Schema.Literal("success", "warning", "skipped", "pending", "error", "failure")
/** State of a check. */
export type CheckState = typeof CheckState.Type

/** The newest result of one check. */
export const CheckResult = Schema.Struct({
  name: Schema.String,
  state: CheckState,
  description: Schema.String,
  link: Schema.String,
})
/** The newest result of one check. */
export type CheckResult = typeof CheckResult.Type

/** The checks of the head of a pull request. */
export const Checks = Schema.Struct({
  /** The commit. */
  head: Schema.String,
  checks: Schema.Array(CheckResult),
})
/** The checks of the head of a pull request. */
export type Checks = typeof Checks.Type

/** The combined state of all checks of a commit: failure outranks error, and both outrank pending. */
export const stateOfChecks = (
  checks: ReadonlyArray<Pick<CheckResult, "state">>,
): "none" | "pending" | "success" | "failure" | "error" => {
  const has = (state: CheckState) => checks.some((check) => check.state === state)
  if (checks.length === 0) return "none"
  if (has("failure")) return "failure"
  if (has("error")) return "error"
  return has("pending") ? "pending" : "success"
}

/** Which issues to list. */
export interface IssueQuery {
  readonly state: "open" | "closed" | "all"
  /** Names of labels, each of which an issue must have. */
  readonly labels: ReadonlyArray<string>
  /** Search words, as the forge searches; `""` for all issues. */
  readonly text: string
  /** From 1. */
  readonly page: number
}

/** A page of issues, newest first, without their descriptions. */
export const IssuePage = Schema.Struct({
  issues: Schema.Array(Issue.pipe(Schema.omit("body"))),
  /** Whether another page may follow. A page may have no matching issue and still be followed by pages that do. */
  more: Schema.Boolean,
})
/** A page of issues. */
export type IssuePage = typeof IssuePage.Type

/** The open issues and pull requests that an issue depends on. */
export interface Dependencies {
  readonly open: ReadonlyArray<{ readonly owner: string; readonly repo: string; readonly number: number }>
  /** Whether there are more that the forge does not show to this user. */
  readonly hidden: boolean
}

/** A timeline entry of an issue or a pull request. */
export interface TimelineEntry {
  /** Increases with time within one forge. */
  readonly id: number
  readonly at: string
  /** Login; `""` when the forge names none. */
  readonly user: string
  /** False whenever it cannot be decided. */
  readonly userTrusted: boolean
  readonly did:
    | { readonly kind: "labelled" | "unlabelled"; readonly label: string }
    | { readonly kind: "assigned" | "unassigned"; readonly assignee: string }
    | { readonly kind: "retitled"; readonly from: string; readonly to: string }
    | { readonly kind: "closed" | "reopened" | "merged" | "pushed" }
}

/** A pull request with everything that decides whether it can be merged. */
export const PullRequestDetails = Schema.Struct({
  ...PullRequest.fields,
  /** Head and base commits. */
  headSha: Schema.String,
  baseSha: Schema.String,
  /** As the forge reports it. Also false while the forge computes it, and for a draft. */
  mergeable: Schema.Boolean,
  /** When it was merged or closed; `""` while it is open. */
  overAt: Schema.String,
})
/** A pull request with everything that decides whether it can be merged. */
export type PullRequestDetails = typeof PullRequestDetails.Type
