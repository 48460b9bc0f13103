/** The lists of issues and pull requests in a simulated Gitea, of one repository and of all. */
import { type Ask, inRepo, linked, noTime, type Route, within } from "./router.ts"
import { fold, type SimIssue } from "./state.ts"

/** Filters of both lists: `state` (open unless given), `type`, `q`, `since` and `before`. */
const asked = (ask: Ask): ((issue: SimIssue) => boolean) => {
  const type = ask.query.get("type")
  const state = ask.query.get("state") || "open"
  const inTime = within(ask)
  const words = (ask.query.get("q") ?? "").toLowerCase()
  return (issue) =>
    `${issue.title}\n${issue.body}`.toLowerCase().includes(words) &&
    (type === "issues" ? issue.pull === undefined : type !== "pulls" || issue.pull !== undefined) &&
    (state === "all" || issue.state === state) &&
    inTime(issue.updatedAt)
}

/** The labels to filter by. Names that no issue has are dropped. */
const labelsOf = (ask: Ask, among: ReadonlyArray<SimIssue>): ReadonlyArray<string> =>
  (ask.query.get("labels") ?? "")
    .split(",")
    .filter((label) => among.some((issue) => issue.labels.includes(label)))

/** Lists issues and pull requests; each label is required. */
const listIssues: Route = {
  method: "GET",
  path: "/repos/{owner}/{repo}/issues",
  scope: "issue",
  handle: inRepo((ask, repo) => {
    const all = [...repo.issues.values()].sort((a, b) => b.number - a.number)
    const labels = labelsOf(ask, all)
    const found = all
      .filter(asked(ask))
      .filter((issue) => labels.every((label) => issue.labels.includes(label)))
    return (
      noTime(ask) ??
      linked(
        ask,
        found.map((issue) => ask.shapes.issue(issue)),
      )
    )
  }),
}

/** Issues and pull requests of every repository that the user may read, newest first. Any one label is enough. */
const search: Route = {
  method: "GET",
  path: "/repos/issues/search",
  scope: "issue",
  handle: (ask) => {
    const { query, state, user, shapes } = ask
    const owner = query.get("owner")
    const all = state.repos
      .filter((repo) => state.permission(repo, user) !== "none")
      .filter((repo) => owner === null || fold(repo.owner) === fold(owner))
      .flatMap((repo) => Array.from(repo.issues.values()))
      .sort((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id - a.id)
    const labels = labelsOf(ask, all)
    const isMine = (name: string, mine: (issue: SimIssue) => boolean) => (issue: SimIssue) =>
      query.get(name) !== "true" || mine(issue)
    const found = all
      .filter(asked(ask))
      .filter((issue) => labels.length === 0 || labels.some((label) => issue.labels.includes(label)))
      .filter(isMine("assigned", ({ assignees }) => assignees.includes(user?.login ?? "")))
      .filter(isMine("created", ({ authorId }) => authorId === user?.id))
    return (
      noTime(ask) ??
      linked(
        ask,
        found.map((issue) => shapes.issue(issue)),
      )
    )
  },
}

/** All of these endpoints; `/repos/issues/search` is not a repository. */
export const searchRoutes: ReadonlyArray<Route> = [search, listIssues]
