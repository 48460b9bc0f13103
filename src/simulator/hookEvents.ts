/** The events of a webhook in a simulated Gitea: names in its configuration, and the stored ones. */

const ISSUES = ["issue_assign", "issue_label", "issue_milestone", "issue_comment"]
const PULLS = [
  "pull_request_assign",
  "pull_request_label",
  "pull_request_milestone",
  "pull_request_comment",
  "pull_request_review",
  "pull_request_sync",
  "pull_request_review_request",
]
const PLAIN = ["create", "delete", "push", "status", "fork", "release", "repository", "package", "wiki"]

/** The events that Gitea stores for the requested ones; `push` when none are requested. Their order has no meaning. */
export const hookEvents = (asked: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (asked.length === 0) return ["push"]
  const has = (...names: ReadonlyArray<string>) => names.some((name) => asked.includes(name))
  return [
    ...(has("issues", "issues_only") ? ["issues"] : []),
    ...ISSUES.filter((name) => has("issues", name)),
    ...(has("pull_request", "pull_request_only") ? ["pull_request"] : []),
    ...PULLS.filter((name) => has("pull_request", name)),
    ...PLAIN.filter((name) => has(name)),
  ]
}

/** The events after an edit: all are replaced by the requested ones, except `status`, which is only ever added. */
export const editedEvents = (
  former: ReadonlyArray<string>,
  asked: ReadonlyArray<string>,
): ReadonlyArray<string> => {
  const events = hookEvents(asked)
  return former.includes("status") && !events.includes("status") ? ["status", ...events] : events
}
