/** The endpoints that a simulated Gitea serves, with their exact codes. */
import * as actions from "./actions.ts"
import {
  type Ask,
  failure,
  inIssue,
  inRepo,
  internal,
  notFound,
  paged,
  pageOf,
  redirect,
  type Reply,
  type Route,
  textOf,
  writer,
} from "./router.ts"
import { keyRoutes } from "./keyRoutes.ts"
import { fold, type SimIssue, type SimOrg } from "./state.ts"

const REPO = "/repos/{owner}/{repo}"

/** Archived repositories take no new comments and pull requests, but edits of descriptions. */
const archived: Reply = failure(423, "repo is archived")

const version: Route = {
  method: "GET",
  path: "/version",
  handle: () => ({ status: 200, json: { version: "1.26.3" } }),
}

const self: Route = {
  method: "GET",
  path: "/user",
  scope: "user",
  needsToken: true,
  handle: ({ shapes, user }) => ({ status: 200, json: shapes.user(user?.id ?? -1) }),
}

/** Someone who is not a member is sent to the public members, which is no answer. */
const isMember: Route = {
  method: "GET",
  path: "/orgs/{org}/members/{username}",
  scope: "organization",
  needsToken: true,
  handle: (ask) => {
    const org = visibleOrg(ask)
    const asked = ask.state.user(ask.param["username"] ?? "")
    if (ask.state.org(ask.param["org"] ?? "") === undefined) return noSuchOrg
    if (org === undefined || asked === undefined || ask.user === undefined) return notFound
    const member = org.members.has(fold(asked.login))
    if (org.members.has(fold(ask.user.login)) || ask.user.siteAdmin)
      return member ? { status: 204 } : notFound
    if (ask.user.id === asked.id) return notFound
    return redirect(ask, 303, `/api/v1/orgs/${org.name}/public_members/${asked.login}`)
  },
}

const noSuchOrg: Reply = {
  status: 404,
  json: {
    message: "GetOrgByName",
    url: "http://localhost/api/swagger",
    errors: ["user redirect does not exist"],
  },
}

const isPublicMember: Route = {
  method: "GET",
  path: "/orgs/{org}/public_members/{username}",
  handle: (ask) =>
    visibleOrg(ask)?.publicMembers.has(fold(ask.param["username"] ?? "")) ? { status: 204 } : notFound,
}

/** Since 1.27 an org that is hidden from the asker does not exist for them. */
const visibleOrg = ({ state, param, user }: Ask): SimOrg | undefined => {
  const org = state.org(param["org"] ?? "")
  return org?.hidden && !org.members.has(fold(user?.login ?? "")) ? undefined : org
}

const readRepo: Route = {
  method: "GET",
  path: REPO,
  scope: "repository",
  handle: inRepo(({ shapes, user }, repo) => ({ status: 200, json: shapes.repository(repo, user) })),
}

const readBranch: Route = {
  method: "GET",
  path: `${REPO}/branches/{branch}`,
  scope: "repository",
  handle: inRepo(({ param }, repo) => {
    const name = param["branch"] ?? ""
    if (!repo.branches.has(name)) return notFound
    const isProtected = repo.protectedBranches.has(name)
    return {
      status: 200,
      json: {
        name,
        protected: isProtected,
        user_can_push: !isProtected,
        user_can_merge: !isProtected,
        effective_branch_protection_name: isProtected ? name : "",
      },
    }
  }),
}

/** Admins of the repository may ask about everyone, others about themselves. */
const permission: Route = {
  method: "GET",
  path: `${REPO}/collaborators/{collaborator}/permission`,
  scope: "repository",
  needsToken: true,
  handle: inRepo(({ state, shapes, param, user }, repo) => {
    const asked = state.user(param["collaborator"] ?? "")
    const own = state.permission(repo, user)
    if (own !== "admin" && own !== "owner" && asked !== user)
      return failure(403, "Only admins can query all permissions")
    if (asked === undefined) return notFound
    const may = state.permission(repo, asked)
    return { status: 200, json: { permission: may, role_name: may, user: shapes.user(asked.id) } }
  }),
}

/** Lists issues and PRs alike unless `type` says which; names of labels that are unknown are dropped. */
const listIssues: Route = {
  method: "GET",
  path: `${REPO}/issues`,
  scope: "issue",
  handle: inRepo((ask, repo) => {
    const type = ask.query.get("type")
    const state = ask.query.get("state") || "open"
    const since = Date.parse(ask.query.get("since") ?? "")
    const labels = (ask.query.get("labels") ?? "").split(",").filter((label) => label !== "")
    const known = labels.filter((label) =>
      [...repo.issues.values()].some((issue) => issue.labels.includes(label)),
    )
    const found = newestFirst([...repo.issues.values()]).filter(
      (issue) =>
        (type === "issues" ? issue.pull === undefined : type !== "pulls" || issue.pull !== undefined) &&
        (state === "all" || issue.state === state) &&
        (Number.isNaN(since) || Date.parse(issue.updatedAt) >= since) &&
        known.every((label) => issue.labels.includes(label)),
    )
    return paged(
      ask,
      found.map((issue) => ask.shapes.issue(issue)),
    )
  }),
}

const readIssue: Route = {
  method: "GET",
  path: `${REPO}/issues/{index}`,
  scope: "issue",
  handle: inIssue(notFound, ({ shapes }, issue) => ({ status: 200, json: shapes.issue(issue) })),
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
    if (typeof body["body"] === "string") actions.editBody(state, issue, user.id, body["body"])
    if (body["state"] === "open" || body["state"] === "closed")
      actions.setState(state, issue, body["state"], user.id)
    return { status: 201, json: shapes.issue(issue) }
  }),
}

/** All comments at once: `page` and `limit` are ignored. An issue that does not exist is a failure inside. */
const listComments: Route = {
  method: "GET",
  path: `${REPO}/issues/{index}/comments`,
  scope: "issue",
  handle: inIssue(internal, ({ shapes, query }, issue) => {
    const since = Date.parse(query.get("since") ?? "")
    const found = issue.comments.filter(
      (comment) => Number.isNaN(since) || Date.parse(comment.updatedAt) >= Math.floor(since / 1000) * 1000,
    )
    return {
      status: 200,
      json: found.map((comment) => shapes.comment(issue, comment)),
      headers: { "x-total-count": String(found.length) },
    }
  }),
}

const postComment: Route = {
  method: "POST",
  path: `${REPO}/issues/{index}/comments`,
  scope: "issue",
  needsToken: true,
  handle: inRepo((ask, repo) => {
    const { state, shapes, user } = ask
    if (repo.archived) return archived
    if (textOf(ask, "body") === "") return failure(422, "[Body]: Required")
    const issue = repo.issues.get(Number(ask.param["index"]))
    if (issue === undefined || user === undefined) return internal
    if (issue.locked && !writer(ask, repo)) return failure(403, "You cannot comment on a locked issue.")
    return {
      status: 201,
      json: shapes.comment(issue, actions.comment(state, issue, user.id, textOf(ask, "body"))),
    }
  }),
}

/** Comments, references and changes by time; an empty page is null, and the count is that of the page. */
const timeline: Route = {
  method: "GET",
  path: `${REPO}/issues/{index}/timeline`,
  scope: "issue",
  handle: inIssue(internal, (ask, issue) => {
    const entries = [
      ...issue.comments.map((it) => ({
        at: it.createdAt,
        id: it.id,
        json: ask.shapes.timelineComment(issue, it),
      })),
      ...issue.events.map((it) => ({ at: it.createdAt, id: it.id, json: ask.shapes.event(issue, it) })),
      ...issue.references.map((it) => ({
        at: it.createdAt,
        id: it.id,
        json: ask.shapes.reference(issue, it),
      })),
    ].sort((a, b) => a.at.localeCompare(b.at) || a.id - b.id)
    const page = pageOf(
      ask,
      entries.map((entry) => entry.json),
    )
    return {
      status: 200,
      json: page.length === 0 ? null : page,
      headers: { "x-total-count": String(page.length) },
    }
  }),
}

/** Without `state` all are listed, and there is no filter by head. */
const listPulls: Route = {
  method: "GET",
  path: `${REPO}/pulls`,
  scope: "repository",
  handle: inRepo((ask, repo) => {
    const state = ask.query.get("state")
    const found = newestFirst([...repo.issues.values()]).filter(
      (issue) =>
        issue.pull !== undefined && (state === "open" || state === "closed" ? issue.state === state : true),
    )
    return paged(
      ask,
      found.map((issue) => ask.shapes.pull(issue, "list", ask.user)),
    )
  }),
}

const readPull: Route = {
  method: "GET",
  path: `${REPO}/pulls/{index}`,
  scope: "repository",
  handle: inIssue(notFound, ({ shapes, user }, issue) =>
    issue.pull === undefined ? notFound : { status: 200, json: shapes.pull(issue, "detail", user) },
  ),
}

/** A second open PR of the same branches is a conflict; a branch that is missing does not exist. */
const openPull: Route = {
  method: "POST",
  path: `${REPO}/pulls`,
  scope: "repository",
  needsToken: true,
  handle: inRepo((ask, repo) => {
    const [head, base, title] = [textOf(ask, "head"), textOf(ask, "base"), textOf(ask, "title")]
    if (repo.archived) return archived
    if (title === "" || head === "" || base === "") return failure(422, "[Title]: Required")
    if (head === base) return failure(422, "head and base are the same")
    if (!repo.branches.has(head) || !repo.branches.has(base)) return notFound
    const open = [...repo.issues.values()].find(
      ({ state, pull }) =>
        state === "open" && pull?.head === head && pull.base === base && pull.headRepoId === repo.id,
    )
    if (open !== undefined) return failure(409, "pull request already exists for these targets")
    const author = ask.user?.login ?? "Ghost"
    const made = actions.openPull(ask.state, repo, { title, body: textOf(ask, "body"), head, base, author })
    return { status: 201, json: ask.shapes.pull(made, "detail", ask.user) }
  }),
}

const newestFirst = (issues: ReadonlyArray<SimIssue>): ReadonlyArray<SimIssue> =>
  [...issues].sort((a, b) => b.number - a.number)

/** All of them. */
export const routes: ReadonlyArray<Route> = [
  version,
  self,
  isMember,
  isPublicMember,
  readRepo,
  readBranch,
  permission,
  listIssues,
  readIssue,
  editIssue,
  listComments,
  postComment,
  timeline,
  listPulls,
  readPull,
  openPull,
  ...keyRoutes,
]
