/** What Gitea's own description says of the answers of its API, and what is known to be wrong in it. */
import table from "../support/gitea-api.json" with { type: "json" }

/** One request; words in capitals in its path stand for ids. */
export interface Sent {
  readonly endpoint: string
  readonly path: string
  readonly token?: string
  readonly body?: unknown
}

const types: Readonly<Record<string, Readonly<Record<string, string>>>> = table.types
/** The endpoints, with the type of each answer. */
export const endpoints: ReadonlyArray<{
  readonly method: string
  readonly path: string
  readonly answers: Readonly<Record<string, string | null | undefined>>
}> = table.endpoints

/** Codes that Gitea's source answers with and its description leaves out, by a part of the endpoint. */
export const UNDOCUMENTED: ReadonlyArray<readonly [endpoint: string, code: number, why: string]> = [
  ["", 401, "a token that is unknown, or none where one is needed"],
  ["", 403, "a token without the scope"],
  ["/repos/", 301, "a repository that was renamed, for all methods"],
  ["/issues/{index}/comments", 500, "an issue that does not exist"],
  ["/timeline", 500, "an issue that does not exist"],
  ["POST /repos/{owner}/{repo}/issues/{index}/comments", 422, "an empty comment"],
  ["PATCH /repos/{owner}/{repo}/issues/{index}", 409, "an older content_version"],
  ["", 422, "a body that is not JSON"],
  ["DELETE /repos/{owner}/{repo}/keys/{id}", 500, "the key of another repository"],
  ["POST /repos/{owner}/{repo}/hooks", 422, "a hook without type or address"],
  ["POST /orgs/{org}/hooks", 422, "a hook without type or address"],
]

/** Properties that Gitea answers with null where its description names a type. */
const NULLABLE = new Set([
  "Issue.assignee",
  "Issue.assignees",
  "Issue.milestone",
  "Issue.closed_at",
  "Issue.due_date",
  "Issue.pull_request",
  "PullRequestMeta.merged_at",
  "PullRequest.assignee",
  "PullRequest.assignees",
  "PullRequest.requested_reviewers",
  "PullRequest.milestone",
  "PullRequest.merged_at",
  "PullRequest.merged_by",
  "PullRequest.closed_at",
  "PullRequest.due_date",
  "PRBranchInfo.repo",
  "PullRequest.merge_commit_sha",
  "PullRequest.requested_reviewers_teams",
  "Repository.parent",
  "Repository.repo_transfer",
  "Repository.licenses",
  "TimelineComment.old_milestone",
  "TimelineComment.milestone",
  "TimelineComment.tracked_time",
  "TimelineComment.label",
  "TimelineComment.assignee",
  "TimelineComment.assignee_team",
  "TimelineComment.resolve_doer",
  "TimelineComment.dependent_issue",
  "TimelineComment.ref_issue",
  "TimelineComment.ref_comment",
  "PayloadCommit.added",
  "PayloadCommit.removed",
  "PayloadCommit.modified",
  "PayloadCommitVerification.signer",
  "PullReview.team",
  "PullReviewComment.resolver",
  "CombinedStatus.statuses",
  "CombinedStatus.repository",
])

/** Properties that Gitea answers with and its description leaves out. */
const UNDESCRIBED = new Set(["User.username"])

/** What of a value is not as the description has it, by its path. */
export const differences = (value: unknown, type: string, at: string): ReadonlyArray<string> => {
  if (value === null) return NULLABLE.has(at) || type === "null" ? [] : [`${at} is null`]
  if (type.endsWith("[]")) {
    return Array.isArray(value)
      ? value.flatMap((item) => differences(item, type.slice(0, -2), type.slice(0, -2)))
      : [`${at} is no list`]
  }
  const properties = types[type]
  if (properties === undefined) {
    const actual = typeof value === "number" && Number.isInteger(value) ? "integer" : typeof value
    return actual === type ? [] : [`${at} is ${actual}, not ${type}`]
  }
  if (typeof value !== "object") return [`${at} is no object`]
  return Object.entries(value ?? {}).flatMap(([property, inner]) => {
    const expected = properties[property]
    if (UNDESCRIBED.has(`${type}.${property}`)) return []
    return expected === undefined
      ? [`${type}.${property} does not exist`]
      : differences(inner, expected, `${type}.${property}`)
  })
}
