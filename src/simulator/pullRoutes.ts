/** The endpoints of pull requests in a simulated Gitea, with exact status codes. */
import * as actions from "./actions.ts"
import * as gitActions from "./gitActions.ts"
import {
  archived,
  failure,
  inIssue,
  inPull,
  inRepo,
  linked,
  notFound,
  type Route,
  textOf,
  writer,
} from "./router.ts"
import type { SimIssue } from "./state.ts"

const REPO = "/repos/{owner}/{repo}"

/** Without `state` all are listed. There is no filter by head. */
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
    return linked(
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

/** A second open pull request of the same branches is a conflict. A missing branch is a 404. */
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

const isMerged: Route = {
  method: "GET",
  path: `${REPO}/pulls/{index}/merge`,
  scope: "repository",
  handle: inPull((_, __, pull) => (pull.mergedAt === undefined ? notFound : { status: 204 })),
}

/** Refused temporarily while mergeability is computed. The repository of a {@link GitServer} stays unchanged. */
const merge: Route = {
  method: "POST",
  path: `${REPO}/pulls/{index}/merge`,
  scope: "repository",
  needsToken: true,
  handle: inPull((ask, issue, pull) => {
    const { state, user } = ask
    if (issue.repo.archived) return archived
    if (user === undefined || !writer(ask, issue.repo)) return failure(405, "User not allowed to merge PR")
    if (textOf(ask, "Do") === "") return failure(422, "[Do]: Required")
    if (issue.state === "closed") return failure(405, "The PR is already merged or closed")
    const seen = textOf(ask, "head_commit_id")
    if (seen !== "" && seen !== state.headOf(issue.repo, pull.head)) return failure(409, "head out of date")
    if (pull.merging === "checking") return failure(405, "Please try again later")
    if (pull.merging === "conflict") return failure(409, "merge conflict")
    actions.merge(state, issue, user.id)
    return { status: 200 }
  }),
}

/** Merges the base into the head. */
const update: Route = {
  method: "POST",
  path: `${REPO}/pulls/{index}/update`,
  scope: "repository",
  needsToken: true,
  handle: inPull((ask, issue, pull) => {
    const { state, user } = ask
    if (user === undefined || !writer(ask, issue.repo)) return { status: 403 }
    if (issue.state === "closed") return failure(422, "the pull request is closed")
    if (pull.merging === "conflict") return failure(409, "merge failed because of conflict")
    const message = `Merge branch '${pull.base}' into ${pull.head}\n`
    gitActions.push(state, state.repoById(pull.headRepoId) ?? issue.repo, user.id, pull.head, { message })
    return { status: 200 }
  }),
}

const newestFirst = (issues: ReadonlyArray<SimIssue>): ReadonlyArray<SimIssue> =>
  [...issues].sort((a, b) => b.number - a.number)

/** All of these endpoints. */
export const pullRoutes: ReadonlyArray<Route> = [listPulls, readPull, openPull, isMerged, merge, update]
