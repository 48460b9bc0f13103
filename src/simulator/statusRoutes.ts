/** The endpoints of commit statuses in a simulated Gitea, with exact status codes. */
import * as gitActions from "./gitActions.ts"
import { combinedJson, latestOf, statusJson } from "./reviewShapes.ts"
import {
  type Ask,
  failure,
  inRepo,
  notFound,
  paged,
  type Reply,
  type Route,
  textOf,
  writer,
} from "./router.ts"
import type { SimRepo, SimStatusState } from "./state.ts"

const REPO = "/repos/{owner}/{repo}"

/** Resolves a name to a commit: forty hexadecimal digits stand for themselves. */
const inCommit = (handle: (ask: Ask, repo: SimRepo, sha: string) => Reply) =>
  inRepo((ask, repo) => {
    const name = ask.param["sha"] ?? ask.param["ref"] ?? ""
    if (/^[0-9a-f]{40}$/.test(name)) return handle(ask, repo, name)
    return repo.branches.has(name) ? handle(ask, repo, ask.state.headOf(repo, name)) : notFound
  })

/** Newest first. */
const list = (path: string): Route => ({
  method: "GET",
  path,
  scope: "repository",
  handle: inCommit((ask, repo, sha) =>
    paged(
      ask,
      (repo.statuses.get(sha) ?? []).map((status) => statusJson(ask.shapes, repo, sha, status)).toReversed(),
    ),
  ),
})

const combined: Route = {
  method: "GET",
  path: `${REPO}/commits/{ref}/status`,
  scope: "repository",
  handle: inCommit((ask, repo, sha) => ({
    status: 200,
    json: combinedJson(ask.shapes, repo, sha, ask.user),
    headers: { "x-total-count": String(latestOf(repo, sha).length) },
  })),
}

const STATES: ReadonlySet<string> = new Set(["success", "failure", "error", "pending", "warning"])
const isState = (text: string): text is SimStatusState => STATES.has(text)

const create: Route = {
  method: "POST",
  path: `${REPO}/statuses/{sha}`,
  scope: "repository",
  needsToken: true,
  handle: inCommit((ask, repo, sha) => {
    const { state, user, shapes } = ask
    if (user === undefined || !writer(ask, repo))
      return failure(403, "user should have a permission to write to a repo")
    const said = textOf(ask, "state")
    if (!isState(said)) return failure(400, "unknown state")
    const status = gitActions.setStatus(state, repo, user.id, sha, {
      state: said,
      context: textOf(ask, "context") || "default",
      description: textOf(ask, "description"),
      targetUrl: textOf(ask, "target_url"),
    })
    return { status: 201, json: statusJson(shapes, repo, sha, status) }
  }),
}

/** All of these endpoints. */
export const statusRoutes: ReadonlyArray<Route> = [
  list(`${REPO}/commits/{ref}/statuses`),
  list(`${REPO}/statuses/{sha}`),
  combined,
  create,
]
