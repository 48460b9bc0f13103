/** Schemas of Gitea's responses about reviews, checks, dependencies and timelines, decoded leniently. */
import { Schema } from "effect"
import type { CheckResult, CheckState, Review, ReviewLine, TimelineEntry } from "../../domain/ForgeDetails.ts"
import { count, elements, flag, list, text, type TimelineAnswer, user, type UserAnswer } from "./answers.ts"

/** An element of `GET .../pulls/{n}/reviews`, which includes requests for a review and pending reviews. */
export const ReviewAnswer = Schema.Struct({
  id: Schema.Number,
  user,
  state: text,
  body: text,
  dismissed: flag,
  comments_count: count(0),
  submitted_at: text,
  updated_at: text,
})
/** An element of `GET .../pulls/{n}/reviews`. */
export type ReviewAnswer = typeof ReviewAnswer.Type

/** An element of `GET .../pulls/{n}/reviews/{id}/comments`. The position that does not apply is 0. */
export const ReviewLineAnswer = Schema.Struct({
  id: Schema.Number,
  user,
  body: text,
  path: text,
  position: count(0),
  original_position: count(0),
  diff_hunk: text,
  created_at: text,
  updated_at: text,
})
/** An element of `GET .../pulls/{n}/reviews/{id}/comments`. */
export type ReviewLineAnswer = typeof ReviewLineAnswer.Type

/** `GET .../pulls/{n}/reviews/{id}/comments`: never paged. */
export const ReviewLinesAnswer = elements(ReviewLineAnswer)

const StatusAnswer = Schema.Struct({
  status: text,
  context: text,
  description: text,
  target_url: text,
})

/** `GET .../commits/{sha}/status`: the newest result of each check. Its own `state` does not distinguish failure from error. */
export const CombinedAnswer = Schema.Struct({ statuses: list(StatusAnswer) })

/** An element of `GET .../issues/{n}/dependencies`. One that the user may not see has no number. */
export const DependencyAnswer = Schema.Struct({
  number: count(0),
  state: text,
  repository: Schema.optionalWith(Schema.Struct({ owner: text, name: text }), {
    nullable: true,
    default: () => ({ owner: "", name: "" }),
  }),
})
/** An element of `GET .../issues/{n}/dependencies`. */
export type DependencyAnswer = typeof DependencyAnswer.Type

const VERDICTS: Readonly<Record<string, Review["state"]>> = {
  APPROVED: "approved",
  REQUEST_CHANGES: "rejected",
  COMMENT: "comment",
}

/** Whether it was submitted, and is not only a request. */
export const isSubmitted = ({ state }: ReviewAnswer): boolean => VERDICTS[state] !== undefined

/** The review in these responses. */
export const toReview = (
  answer: ReviewAnswer,
  lines: ReadonlyArray<ReviewLineAnswer>,
  isTrusted: (author: UserAnswer) => boolean,
): Review => ({
  id: answer.id,
  user: answer.user.login,
  authorTrusted: isTrusted(answer.user),
  state: VERDICTS[answer.state] ?? "comment",
  body: answer.body,
  dismissed: answer.dismissed,
  submittedAt: answer.submitted_at,
  updatedAt: answer.updated_at,
  lines: lines.map((line): ReviewLine => ({
    id: line.id,
    user: line.user.login,
    authorTrusted: isTrusted(line.user),
    path: line.path,
    line: line.position || line.original_position,
    side: line.position === 0 && line.original_position > 0 ? "old" : "new",
    hunk: line.diff_hunk,
    body: line.body,
    createdAt: line.created_at,
    updatedAt: line.updated_at,
  })),
})

const STATES: Readonly<Record<string, CheckState>> = {
  success: "success",
  warning: "warning",
  skipped: "skipped",
  pending: "pending",
  error: "error",
  failure: "failure",
}

/** The check in a response. An unknown state of a later Gitea counts as pending. */
export const toCheck = (answer: typeof StatusAnswer.Type): CheckResult => ({
  name: answer.context,
  state: STATES[answer.status] ?? "pending",
  description: answer.description,
  link: answer.target_url,
})

/** The event in a timeline element; undefined for elements that are not used. */
export const didOf = (answer: TimelineAnswer): TimelineEntry["did"] | undefined => {
  switch (answer.type) {
    case "label":
      return answer.label === null
        ? undefined
        : { kind: answer.body === "1" ? "labelled" : "unlabelled", label: answer.label.name }
    case "assignees":
      return { kind: answer.removed_assignee ? "unassigned" : "assigned", assignee: answer.assignee.login }
    case "change_title":
      return { kind: "retitled", from: answer.old_title, to: answer.new_title }
    case "close":
      return { kind: "closed" }
    case "reopen":
      return { kind: "reopened" }
    case "merge_pull":
      return { kind: "merged" }
    case "pull_push":
      return { kind: "pushed" }
    default:
      return undefined
  }
}
