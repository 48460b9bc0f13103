/** What a forge tells of an issue or a pull request beside its text: reviews, checks, dependencies, who did what. Times are ISO 8601, `""` when the forge names none. */
import { Schema } from "effect"
import { Issue, PullRequest } from "./Forge.ts"

/** A comment on one place of the diff. A thread of a review holds answers of other people too: each has its own author. */
export const ReviewLine = Schema.Struct({
  id: Schema.Number,
  user: Schema.String,
  /** False whenever it cannot be decided. */
  authorTrusted: Schema.Boolean,
  path: Schema.String,
  line: Schema.Number,
  /** Whether the line is one of the new file or of the old. */
  side: Schema.Literal("new", "old"),
  /** The changed lines around it, as `diff -u` shows them. */
  hunk: Schema.String,
  body: Schema.String,
  createdAt: Schema.String,
  updatedAt: Schema.String,
})
/** A comment on one place of the diff. */
export type ReviewLine = typeof ReviewLine.Type

/** A review that was submitted. */
export const Review = Schema.Struct({
  id: Schema.Number,
  user: Schema.String,
  /** False whenever it cannot be decided. */
  authorTrusted: Schema.Boolean,
  state: Schema.Literal("approved", "rejected", "comment"),
  body: Schema.String,
  dismissed: Schema.Boolean,
  /** When it was begun. */
  submittedAt: Schema.String,
  /** When it was submitted, or dismissed. */
  updatedAt: Schema.String,
  lines: Schema.Array(ReviewLine),
})
/** A review that was submitted. */
export type Review = typeof Review.Type

/** A file that hangs on the text of an issue or a pull request, or on one of its comments. Who wrote on the forge chose the name. */
export const Attachment = Schema.Struct({
  /** Of this forge; it counts together with the number of the issue or pull request. */
  id: Schema.Number,
  name: Schema.String,
  /** In bytes, as the forge says. */
  size: Schema.Number,
  createdAt: Schema.String,
  /** How texts of the forge refer to it. Nothing is fetched from there because somebody names it. */
  link: Schema.String,
  /** The comment that it hangs on; null: the description. */
  comment: Schema.NullOr(Schema.Number),
  /** Who wrote that text. */
  user: Schema.String,
  /** False whenever it cannot be decided. */
  authorTrusted: Schema.Boolean,
})
/** A file that hangs on a text of the forge. */
export type Attachment = typeof Attachment.Type

/** A file, and what is in it. */
export interface AttachmentContent extends Attachment {
  /** In base64. */
  readonly data: string
}

/** What a check says of a commit; `error` is a failure of the infrastructure, not of the commit. */
export const CheckState = Schema.Literal("success", "warning", "skipped", "pending", "error", "failure")
/** What a check says of a commit. */
export type CheckState = typeof CheckState.Type

/** The newest word of one check. */
export const CheckResult = Schema.Struct({
  name: Schema.String,
  state: CheckState,
  description: Schema.String,
  link: Schema.String,
})
/** The newest word of one check. */
export type CheckResult = typeof CheckResult.Type

/** The checks of the head of a pull request. */
export const Checks = Schema.Struct({
  /** The commit. */
  head: Schema.String,
  checks: Schema.Array(CheckResult),
})
/** The checks of the head of a pull request. */
export type Checks = typeof Checks.Type

/** All checks of a commit together: a failure outweighs an error, and both what is not over yet. */
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
  /** Words to look for, as the forge searches; `""` for all issues. */
  readonly text: string
  /** From 1. */
  readonly page: number
}

/** A page of issues, newest first, without their descriptions. */
export const IssuePage = Schema.Struct({
  issues: Schema.Array(Issue.pipe(Schema.omit("body"))),
  /** Whether another page may follow. One may have no issue that fits, and have others behind it. */
  more: Schema.Boolean,
})
/** A page of issues. */
export type IssuePage = typeof IssuePage.Type

/** The open issues and pull requests that an issue waits for. */
export interface Dependencies {
  readonly open: ReadonlyArray<{ readonly owner: string; readonly repo: string; readonly number: number }>
  /** Whether there are others, which the forge does not show to this user. */
  readonly hidden: boolean
}

/** Something that somebody did to an issue or a pull request. */
export interface TimelineEntry {
  /** Grows with time within one forge. */
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

/** A pull request with what its fate depends on. */
export const PullRequestDetails = Schema.Struct({
  ...PullRequest.fields,
  /** Commits of its head and of its base. */
  headSha: Schema.String,
  baseSha: Schema.String,
  /** What the forge says; false also while it computes it, and for a draft. */
  mergeable: Schema.Boolean,
  /** When it was merged or closed; `""` while it is open. */
  overAt: Schema.String,
})
/** A pull request with what its fate depends on. */
export type PullRequestDetails = typeof PullRequestDetails.Type
