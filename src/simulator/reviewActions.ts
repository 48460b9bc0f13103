/** Review actions in a simulated Gitea: submit, request, dismiss. */
import { show } from "./actions.ts"
import {
  type GiteaState,
  mayWrite,
  type SimIssue,
  type SimLineComment,
  type SimReview,
  type SimReviewState,
} from "./state.ts"

/** Input of a comment on a line. */
export interface LineSeed {
  readonly path: string
  /** From 1. */
  readonly line: number
  readonly body: string
  /** `new` unless given. */
  readonly side?: "new" | "old"
  /** The surrounding changed lines; generated unless given, since the simulator has no files. */
  readonly hunk?: string
}

/** Input of a review. */
export interface ReviewSeed {
  readonly state: SimReviewState
  readonly body?: string
  readonly lines?: ReadonlyArray<LineSeed>
}

const JUDGES: ReadonlySet<SimReviewState> = new Set(["APPROVED", "REQUEST_CHANGES", "REQUEST_REVIEW"])

/** Somebody submits a review, or is asked for one. Undefined if it is not a pull request. */
const add = (
  state: GiteaState,
  issue: SimIssue,
  authorId: number,
  { state: verdict, body = "", lines = [] }: ReviewSeed,
): SimReview | undefined => {
  const { pull, repo } = issue
  if (pull === undefined) return undefined
  const author = state.userById(authorId)
  const at = state.now()
  const isAsked = verdict === "REQUEST_REVIEW"
  const commit = state.headOf(state.repoById(pull.headRepoId) ?? repo, pull.head)
  const isJudge = JUDGES.has(verdict)
  // Only the latest verdict of a person counts.
  for (const old of pull.reviews) if (isJudge && old.authorId === authorId) old.official = false
  const made: SimReview = {
    id: state.nextId(),
    authorId,
    state: verdict,
    body,
    commit: isAsked ? "" : commit,
    official: isJudge && mayWrite(state.permission(repo, author)),
    stale: false,
    dismissed: false,
    createdAt: at,
    updatedAt: at,
    lines: lines.map(({ path, line, body: text, side = "new", hunk }) => ({
      id: state.nextId(),
      authorId,
      body: text,
      path,
      line,
      side,
      hunk: hunk ?? (side === "new" ? `@@ -0,0 +${line} @@\n+` : `@@ -${line} +0,0 @@\n-`),
      commit,
      createdAt: at,
    })),
  }
  pull.reviews.push(made)
  if (author !== undefined && !pull.reviewers.includes(author.login)) pull.reviewers.push(author.login)
  return made
}

/** Somebody submits a review. A pending one is only visible to its author, and reported by no webhook. */
export const submit = (
  state: GiteaState,
  issue: SimIssue,
  authorId: number,
  seed: ReviewSeed,
): SimReview | undefined => {
  const review = add(state, issue, authorId, seed)
  if (review === undefined || seed.state === "PENDING") return review
  show(state, issue, authorId, { type: "review", body: review.body, reviewId: review.id })
  state.tell({ kind: "review", issue, review, actorId: authorId })
  return review
}

/** Somebody replies in the thread of a review's line. Gitea assigns the reply to that review, whoever wrote it. */
export const answer = (
  state: GiteaState,
  issue: SimIssue,
  authorId: number,
  review: SimReview,
  body: string,
): SimLineComment | undefined => {
  const [line] = review.lines
  if (line === undefined) return undefined
  const made: SimLineComment = { ...line, id: state.nextId(), authorId, body, createdAt: state.now() }
  review.lines.push(made)
  issue.updatedAt = made.createdAt
  return made
}

/** Somebody asks another for a review. */
export const ask = (
  state: GiteaState,
  issue: SimIssue,
  actorId: number,
  login: string,
): SimReview | undefined => {
  const reviewer = state.ensureUser(login)
  const review = add(state, issue, reviewer.id, { state: "REQUEST_REVIEW" })
  if (review === undefined) return undefined
  show(state, issue, actorId, { type: "review_request", assignee: reviewer.login, reviewId: review.id })
  state.tell({ kind: "issue", action: "review_requested", issue, actorId, reviewerId: reviewer.id })
  return review
}

/** Somebody dismisses a review. */
export const dismiss = (
  state: GiteaState,
  issue: SimIssue,
  actorId: number,
  review: SimReview,
  message: string,
): void => {
  review.dismissed = true
  review.updatedAt = state.now()
  show(state, issue, actorId, { type: "dismiss_review", body: message, reviewId: review.id })
}
