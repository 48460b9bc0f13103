/** A simulated Gitea's JSON of reviews, reactions, statuses, commits and hooks. */
import type { Json } from "./accountShapes.ts"
import type { Shapes } from "./shapes.ts"
import type {
  SimHook,
  SimIssue,
  SimLineComment,
  SimReaction,
  SimRepo,
  SimReview,
  SimStatus,
  SimUser,
} from "./state.ts"

const pullUrl = (shapes: Shapes, issue: SimIssue): string => `${shapes.web(issue.repo)}/pulls/${issue.number}`

/** A review, or a request for one, which has no page. */
export const reviewJson = (shapes: Shapes, issue: SimIssue, review: SimReview): Json => ({
  id: review.id,
  user: shapes.user(review.authorId),
  team: null,
  state: review.state,
  body: review.body,
  commit_id: review.commit,
  stale: review.stale,
  official: review.official,
  dismissed: review.dismissed,
  comments_count: review.lines.length,
  submitted_at: review.createdAt,
  updated_at: review.updatedAt,
  html_url: review.commit === "" ? "" : `${pullUrl(shapes, issue)}#issuecomment-${review.id}`,
  pull_request_url: pullUrl(shapes, issue),
})

/** A comment on a line. The position that does not apply is 0. */
export const lineJson = (
  shapes: Shapes,
  issue: SimIssue,
  review: SimReview,
  comment: SimLineComment,
): Json => ({
  id: comment.id,
  body: comment.body,
  user: shapes.user(comment.authorId),
  resolver: null,
  pull_request_review_id: review.id,
  created_at: comment.createdAt,
  updated_at: comment.createdAt,
  path: comment.path,
  commit_id: comment.commit,
  original_commit_id: "",
  diff_hunk: comment.hunk,
  position: comment.side === "new" ? comment.line : 0,
  original_position: comment.side === "old" ? comment.line : 0,
  html_url: `${pullUrl(shapes, issue)}#issuecomment-${comment.id}`,
  pull_request_url: pullUrl(shapes, issue),
})

/** A reaction has no id. */
export const reactionJson = (shapes: Shapes, { userId, content, createdAt }: SimReaction): Json => ({
  user: shapes.user(userId),
  content,
  created_at: createdAt,
})

/** A check's result. Its state is called `status` here. */
export const statusJson = (shapes: Shapes, repo: SimRepo, sha: string, status: SimStatus): Json => ({
  id: status.id,
  status: status.state,
  target_url: status.targetUrl,
  description: status.description,
  url: `${shapes.root}/api/v1/repos/${repo.owner}/${repo.name}/statuses/${sha}`,
  context: status.context,
  creator: shapes.user(status.creatorId),
  created_at: status.createdAt,
  updated_at: status.createdAt,
})

/** The latest of each context, newest first. */
export const latestOf = (repo: SimRepo, sha: string): ReadonlyArray<SimStatus> => {
  const latest = new Map<string, SimStatus>()
  for (const status of repo.statuses.get(sha) ?? []) {
    latest.delete(status.context)
    latest.set(status.context, status)
  }
  return [...latest.values()].toReversed()
}

/** The combined status of a commit. Without any check, everything is empty. */
export const combinedJson = (
  shapes: Shapes,
  repo: SimRepo,
  sha: string,
  viewer: SimUser | undefined,
): Json => {
  const all = latestOf(repo, sha)
  const has = (state: string) => all.some((status) => status.state === state)
  const isFailed = has("failure") || has("error")
  const none = all.length === 0
  return {
    state: none
      ? ""
      : isFailed
        ? "failure"
        : has("pending")
          ? "pending"
          : has("warning")
            ? "warning"
            : "success",
    sha: none ? "" : sha,
    total_count: all.length,
    statuses: none ? null : all.map((status) => statusJson(shapes, repo, sha, status)),
    repository: none ? null : shapes.repository(repo, viewer),
    commit_url: "",
    url: "",
  }
}

/** A commit in an event or, with `verification`, in an API response, which lists no files. */
export const commitJson = (shapes: Shapes, repo: SimRepo, sha: string, place: "event" | "verified"): Json => {
  const { message, authorId, at, added } = shapes.state.commit(repo, sha)
  const login = shapes.state.userById(authorId)?.login ?? "Ghost"
  const author = { name: login, email: `${login}@noreply.localhost`, username: login }
  return {
    id: sha,
    message,
    url: `${shapes.web(repo)}/commit/${sha}`,
    author,
    committer: author,
    verification:
      place === "event"
        ? null
        : {
            verified: false,
            reason: "gpg.error.not_signed_commit",
            signature: "",
            signer: null,
            payload: "",
          },
    timestamp: at,
    added: place === "event" ? added : null,
    removed: place === "event" ? [] : null,
    modified: place === "event" ? [] : null,
  }
}

/** A hook, without its secret. */
export const hookJson = (hook: SimHook): Json => ({
  id: hook.id,
  type: hook.type,
  branch_filter: hook.branchFilter,
  config: { content_type: hook.contentType, url: hook.url },
  events: hook.events,
  authorization_header: hook.authorization,
  active: hook.active,
  updated_at: hook.updatedAt,
  created_at: hook.createdAt,
})
