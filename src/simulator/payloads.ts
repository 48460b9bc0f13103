/** The events of a simulated Gitea's webhooks, and their bodies with all properties of the real ones. */
import type { Json } from "./accountShapes.ts"
import type { Happening, IssueAction } from "./happenings.ts"
import { commitJson } from "./reviewShapes.ts"
import type { Shapes } from "./shapes.ts"
import type { SimHook, SimRepo, SimReviewState } from "./state.ts"

/** An event of a webhook. */
export interface HookEvent {
  readonly repo: SimRepo
  /** Its name in a hook's configuration. */
  readonly subscription: string
  /** Header `X-Gitea-Event`. */
  readonly event: string
  /** Header `X-Gitea-Event-Type`, which distinguishes reviews from comments. */
  readonly eventType: string
  readonly body: Json
  /** The only hook that receives it, for a test delivery. */
  readonly only?: SimHook
}

/** The webhook events for something that happened. */
export const hookEventOf = (shapes: Shapes, it: Happening): HookEvent => {
  switch (it.kind) {
    case "issue":
      return it.issue.pull === undefined ? ofIssue(shapes, it) : ofPull(shapes, it)
    case "comment":
      return ofComment(shapes, it)
    case "review":
      return ofReview(shapes, it)
    case "push":
      return plain(it.repo, "push", pushBody(shapes, it))
    case "create":
      return plain(it.repo, "create", {
        sha: shapes.state.headOf(it.repo, it.branch),
        ref: it.branch,
        ref_type: "branch",
        ...ends(shapes, it.repo, it.actorId),
      })
    case "delete":
      return plain(it.repo, "delete", {
        ref: it.branch,
        ref_type: "branch",
        pusher_type: "user",
        ...ends(shapes, it.repo, it.actorId),
      })
    case "status":
      return plain(it.repo, "status", statusBody(shapes, it))
    case "test": {
      const { repo, hook, actorId } = it
      return { ...plain(repo, "push", testBody(shapes, repo, actorId)), only: hook }
    }
  }
}

type Of<K extends Happening["kind"]> = Extract<Happening, { readonly kind: K }>

const plain = (repo: SimRepo, name: string, body: Json): HookEvent => ({
  repo,
  subscription: name,
  event: name,
  eventType: name,
  body,
})

/** The common end of each body. */
const ends = (shapes: Shapes, repo: SimRepo, actorId: number): Json => ({
  repository: shapes.repository(repo, shapes.state.userById(actorId)),
  sender: shapes.user(actorId),
})

/** The action's part of an event's name; none for actions on the issue itself. */
const PART: Readonly<Partial<Record<IssueAction, string>>> = {
  assigned: "assign",
  unassigned: "assign",
  label_updated: "label",
  synchronized: "sync",
  review_requested: "review_request",
  review_request_removed: "review_request",
}

const ofIssue = (shapes: Shapes, it: Of<"issue">): HookEvent => {
  const { action, issue, actorId, changes, commit = "" } = it
  const part = PART[action]
  const name = part === undefined ? "issues" : `issue_${part}`
  return {
    repo: issue.repo,
    subscription: name,
    event: "issues",
    eventType: name,
    body: {
      action,
      number: issue.number,
      ...(changes !== undefined && { changes }),
      issue: shapes.issue(issue),
      ...ends(shapes, issue.repo, actorId),
      commit_id: commit,
    },
  }
}

const ofPull = (shapes: Shapes, it: Of<"issue">): HookEvent => {
  const { action, issue, actorId, changes, commit = "", reviewerId } = it
  const part = PART[action]
  const name = part === undefined ? "pull_request" : `pull_request_${part}`
  return {
    repo: issue.repo,
    subscription: name,
    event: "pull_request",
    eventType: name,
    body: {
      action,
      number: issue.number,
      ...(changes !== undefined && { changes }),
      pull_request: shapes.pull(issue, "detail", shapes.state.userById(actorId)),
      requested_reviewer: reviewerId === undefined ? null : shapes.user(reviewerId),
      ...ends(shapes, issue.repo, actorId),
      commit_id: commit,
      review: null,
    },
  }
}

const ofComment = (shapes: Shapes, it: Of<"comment">): HookEvent => {
  const { action, issue, comment, actorId, changes } = it
  const isPull = issue.pull !== undefined
  const name = isPull ? "pull_request_comment" : "issue_comment"
  return {
    repo: issue.repo,
    subscription: name,
    event: "issue_comment",
    eventType: name,
    body: {
      action,
      issue: shapes.issue(issue),
      ...(isPull && { pull_request: shapes.pull(issue, "detail", shapes.state.userById(actorId)) }),
      comment: shapes.comment(issue, comment),
      ...(changes !== undefined && { changes }),
      ...ends(shapes, issue.repo, actorId),
      is_pull: isPull,
    },
  }
}

const VERDICTS: Readonly<Partial<Record<SimReviewState, string>>> = {
  APPROVED: "approved",
  REQUEST_CHANGES: "rejected",
}

/** Only the text: comments on lines must be requested. */
const ofReview = (shapes: Shapes, { issue, review, actorId }: Of<"review">): HookEvent => {
  const verdict = VERDICTS[review.state] ?? "comment"
  const type = `pull_request_review_${verdict}`
  return {
    repo: issue.repo,
    subscription: "pull_request_review",
    event: `pull_request_${verdict}`,
    eventType: type,
    body: {
      action: "reviewed",
      number: issue.number,
      pull_request: shapes.pull(issue, "detail", shapes.state.userById(actorId)),
      requested_reviewer: shapes.user(review.authorId),
      ...ends(shapes, issue.repo, actorId),
      commit_id: "",
      review: { type, content: review.body },
    },
  }
}

const pushBody = (shapes: Shapes, { repo, branch, before, after, actorId }: Of<"push">): Json => {
  const commit = commitJson(shapes, repo, after, "event")
  const { repository, sender } = ends(shapes, repo, actorId)
  return {
    ref: `refs/heads/${branch}`,
    before,
    after,
    compare_url: `${shapes.web(repo)}/compare/${before}...${after}`,
    commits: [commit],
    total_commits: 1,
    head_commit: commit,
    repository,
    pusher: sender,
    sender,
  }
}

/** A push of the default branch from its head to its head. */
const testBody = (shapes: Shapes, repo: SimRepo, actorId: number): Json => {
  const head = shapes.state.headOf(repo, repo.defaultBranch)
  const branch = repo.defaultBranch
  const commit = commitJson(shapes, repo, head, "verified")
  const body = pushBody(shapes, { kind: "push", repo, branch, before: head, after: head, actorId })
  return { ...body, commits: [commit], head_commit: commit }
}

const statusBody = (shapes: Shapes, { repo, sha, status }: Of<"status">): Json => ({
  commit: commitJson(shapes, repo, sha, "event"),
  context: status.context,
  created_at: status.createdAt,
  description: status.description,
  id: status.id,
  ...ends(shapes, repo, status.creatorId),
  sha,
  state: status.state,
  target_url: status.targetUrl,
  updated_at: status.createdAt,
})
