/** The endpoints of repositories and their permissions in a simulated Gitea, with exact status codes. */
import { commitJson } from "./reviewShapes.ts"
import { asAdmin, failure, inRepo, notFound, type Route } from "./router.ts"
import { fold, mayWrite } from "./state.ts"

const REPO = "/repos/{owner}/{repo}"

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
  handle: inRepo(({ param, shapes, state }, repo) => {
    const name = param["branch"] ?? ""
    if (!repo.branches.has(name)) return notFound
    const isProtected = repo.protectedBranches.has(name)
    return {
      status: 200,
      json: {
        name,
        commit: commitJson(shapes, repo, state.headOf(repo, name), "verified"),
        protected: isProtected,
        required_approvals: 0,
        enable_status_check: false,
        status_check_contexts: [],
        user_can_push: !isProtected,
        user_can_merge: !isProtected,
        effective_branch_protection_name: isProtected ? name : "",
      },
    }
  }),
}

/** Administrators of the repository may ask about everyone, others only about themselves. */
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

/** Everyone with write permission and, for a user's repository, its owner, whoever asks. */
const assignees: Route = {
  method: "GET",
  path: `${REPO}/assignees`,
  scope: "repository",
  needsToken: true,
  handle: inRepo(({ state, shapes }, repo) => ({
    status: 200,
    json: state.users
      .filter((user) => mayWrite(state.permission(repo, user)))
      .map(({ id }) => shapes.user(id)),
  })),
}

/** Any collaborator counts, including those with read permission only. */
const isCollaborator: Route = {
  method: "GET",
  path: `${REPO}/collaborators/{collaborator}`,
  scope: "repository",
  needsToken: true,
  handle: inRepo(({ param }, repo) =>
    repo.collaborators.has(fold(param["collaborator"] ?? "")) ? { status: 204 } : notFound,
  ),
}

const protections: Route = {
  method: "GET",
  path: `${REPO}/branch_protections`,
  scope: "repository",
  needsToken: true,
  handle: asAdmin((_, repo) => ({
    status: 200,
    json: [...repo.protectedBranches].map((branch) => ({ branch_name: branch, rule_name: branch })),
  })),
}

/** There are no actions, and so no workflow runs. */
const actionTasks: Route = {
  method: "GET",
  path: `${REPO}/actions/tasks`,
  scope: "repository",
  needsToken: true,
  handle: inRepo(() => ({ status: 200, json: { workflow_runs: [], total_count: 0 } })),
}

/** Files that the seed names. */
const contents: Route = {
  method: "GET",
  path: `${REPO}/contents/{filepath}`,
  scope: "repository",
  handle: inRepo(({ param }, repo) => {
    const path = param["filepath"] ?? ""
    const file = repo.files.get(path)
    if (file === undefined) return notFound
    const content = Buffer.from(file).toString("base64")
    const json = {
      name: path,
      path,
      type: "file",
      size: Buffer.byteLength(file),
      encoding: "base64",
      content,
    }
    return { status: 200, json }
  }),
}

/** All of these endpoints. */
export const repoRoutes: ReadonlyArray<Route> = [
  readRepo,
  readBranch,
  permission,
  isCollaborator,
  assignees,
  protections,
  actionTasks,
  contents,
]
