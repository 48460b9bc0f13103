/** The endpoints of issues and their dependencies in a simulated Gitea, with exact status codes. */
import * as actions from "./actions.ts"
import {
  archived,
  type Ask,
  failure,
  inIssue,
  inRepo,
  notFound,
  pageOf,
  type Reply,
  type Route,
  textOf,
  textsOf,
  writer,
} from "./router.ts"
import type { SimIssue } from "./state.ts"

const REPO = "/repos/{owner}/{repo}"

const readIssue: Route = {
  method: "GET",
  path: `${REPO}/issues/{index}`,
  scope: "issue",
  handle: inIssue(notFound, ({ shapes }, issue) => ({ status: 200, json: shapes.issue(issue) })),
}

/** Labels and assignees from somebody without write permission are silently dropped. */
const openIssue: Route = {
  method: "POST",
  path: `${REPO}/issues`,
  scope: "issue",
  needsToken: true,
  handle: inRepo((ask, repo) => {
    if (repo.archived) return archived
    const title = textOf(ask, "title")
    if (title === "") return failure(422, "[Title]: Required")
    const made = actions.openIssue(ask.state, repo, {
      title,
      body: textOf(ask, "body"),
      author: ask.user?.login ?? "Ghost",
      ...(writer(ask, repo) && { assignees: textsOf(ask.body["assignees"]) }),
    })
    return { status: 201, json: ask.shapes.issue(made) }
  }),
}

/** Success is 201. Without permission: 403 and an empty body. */
const editIssue: Route = {
  method: "PATCH",
  path: `${REPO}/issues/{index}`,
  scope: "issue",
  needsToken: true,
  handle: inIssue(notFound, (ask, issue) => {
    const { state, shapes, user, body } = ask
    if (user === undefined || (user.id !== issue.authorId && !writer(ask, issue.repo))) return { status: 403 }
    const seen = body["content_version"]
    if (state.contentVersions && typeof seen === "number" && seen !== issue.contentVersion) {
      return failure(409, "issue was changed")
    }
    if (typeof body["title"] === "string") actions.editTitle(state, issue, user.id, body["title"])
    if (typeof body["body"] === "string") actions.editBody(state, issue, user.id, body["body"])
    if (body["state"] === "open" || body["state"] === "closed")
      actions.setState(state, issue, body["state"], user.id)
    return { status: 201, json: shapes.issue(issue) }
  }),
}
/** What an issue depends on, or what depends on it. */
const list = (
  path: string,
  of: (issue: SimIssue, all: ReadonlyArray<SimIssue>) => ReadonlyArray<SimIssue>,
): Route => ({
  method: "GET",
  path: `${REPO}/issues/{index}/${path}`,
  scope: "issue",
  handle: inIssue(notFound, ({ state, shapes, user }, issue) => {
    const visible = state.repos.filter((repo) => state.permission(repo, user) !== "none")
    const all = visible.flatMap((repo) => Array.from(repo.issues.values()))
    return { status: 200, json: of(issue, all).map((other) => shapes.issue(other)) }
  }),
})

/** A dependency that the user may not see has no number and no repository, unless the user may write here. */
const dependencies: Route = {
  method: "GET",
  path: `${REPO}/issues/{index}/dependencies`,
  scope: "issue",
  handle: inIssue(notFound, (ask, issue) => {
    const { state, shapes, user } = ask
    const isShown = ({ repo }: SimIssue) => writer(ask, issue.repo) || state.permission(repo, user) !== "none"
    const shown = [...issue.dependencies].map((other) =>
      isShown(other) ? shapes.issue(other) : Object.assign({}, shapes.issue(other), HIDDEN),
    )
    return { status: 200, json: pageOf(ask, shown) }
  }),
}

const HIDDEN = { id: 0, number: 0, title: "HIDDEN", body: "", user: null, state: "open", repository: null }

const blocks = list("blocks", (issue, all) => all.filter((other) => other.dependencies.has(issue)))

/** The body names the other issue; the response is the issue itself. */
const depend = (method: "POST" | "DELETE"): Route => ({
  method,
  path: `${REPO}/issues/{index}/dependencies`,
  scope: "issue",
  needsToken: true,
  handle: inIssue(notFound, (ask: Ask, issue): Reply => {
    const { state, user, body } = ask
    const [owner, repo] = [textOf(ask, "owner"), textOf(ask, "repo")]
    const other = state.issue(owner || issue.repo.owner, repo || issue.repo.name, Number(body["index"]))
    if (issue.repo.archived) return archived
    if (other === undefined || user === undefined || !writer(ask, issue.repo)) return notFound
    actions.setDependency(state, issue, user.id, other, method === "POST")
    return { status: method === "POST" ? 201 : 200, json: ask.shapes.issue(issue) }
  }),
})

const assets: Route = {
  method: "GET",
  path: `${REPO}/issues/{index}/assets`,
  scope: "issue",
  handle: inIssue(notFound, ({ shapes }, issue) => ({ status: 200, json: shapes.attachments(issue) })),
}

/** All of these endpoints, except the lists. */
export const issueRoutes: ReadonlyArray<Route> = [
  readIssue,
  openIssue,
  editIssue,
  dependencies,
  blocks,
  depend("POST"),
  depend("DELETE"),
  assets,
]
