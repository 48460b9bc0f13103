/** The endpoints of comments, reactions and timelines in a simulated Gitea, with exact status codes. */
import * as actions from "./actions.ts"
import { reactionJson } from "./reviewShapes.ts"
import {
  archived,
  type Ask,
  failure,
  inIssue,
  inRepo,
  internal,
  notFound,
  noTime,
  paged,
  pageOf,
  type Reply,
  type Route,
  textOf,
  within,
  writer,
} from "./router.ts"
import type { SimComment, SimIssue, SimReaction } from "./state.ts"

const REPO = "/repos/{owner}/{repo}"

/** All comments at once: `page` and `limit` are ignored. An issue that does not exist is an internal error. */
const listComments: Route = {
  method: "GET",
  path: `${REPO}/issues/{index}/comments`,
  scope: "issue",
  handle: inIssue(internal, (ask, issue) => {
    const inTime = within(ask)
    const found = issue.comments.filter(({ updatedAt }) => inTime(updatedAt))
    return (
      noTime(ask) ?? {
        status: 200,
        json: found.map((comment) => ask.shapes.comment(issue, comment)),
        headers: { "x-total-count": String(found.length) },
      }
    )
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
/** The comments of all issues, in pages. */
const listAll: Route = {
  method: "GET",
  path: `${REPO}/issues/comments`,
  scope: "issue",
  handle: inRepo((ask, repo) => {
    const inTime = within(ask)
    const found = [...repo.issues.values()]
      .flatMap((issue) => issue.comments.map((comment) => ({ issue, comment })))
      .filter(({ comment }) => inTime(comment.updatedAt))
      .sort((a, b) => a.comment.createdAt.localeCompare(b.comment.createdAt) || a.comment.id - b.comment.id)
    return (
      noTime(ask) ??
      paged(
        ask,
        found.map(({ issue, comment }) => ask.shapes.comment(issue, comment)),
      )
    )
  }),
}

/** The endpoints of one comment. The ID of a comment on a line exists, and returns nothing. */
const inComment = (handle: (ask: Ask, issue: SimIssue, comment: SimComment) => Reply) =>
  inRepo((ask, repo) => {
    const id = Number(ask.param["id"])
    for (const issue of repo.issues.values()) {
      const comment = issue.comments.find((one) => one.id === id)
      if (comment !== undefined) return handle(ask, issue, comment)
      const isOnLine = issue.pull?.reviews.some(({ lines }) => lines.some((line) => line.id === id))
      if (isOnLine) return { status: 204 }
    }
    return notFound
  })

const readComment: Route = {
  method: "GET",
  path: `${REPO}/issues/comments/{id}`,
  scope: "issue",
  handle: inComment(({ shapes }, issue, comment) => ({ status: 200, json: shapes.comment(issue, comment) })),
}

/** Without permission: 403 and an empty body. */
const editComment: Route = {
  method: "PATCH",
  path: `${REPO}/issues/comments/{id}`,
  scope: "issue",
  needsToken: true,
  handle: inComment((ask, issue, comment) => {
    const { state, shapes, user } = ask
    if (issue.repo.archived) return archived
    if (user === undefined || (user.id !== comment.authorId && !writer(ask, issue.repo)))
      return { status: 403 }
    if (textOf(ask, "body") === "") return failure(422, "[Body]: Required")
    actions.editComment(state, issue, user.id, comment, textOf(ask, "body"))
    return { status: 200, json: shapes.comment(issue, comment) }
  }),
}

const deleteComment: Route = {
  method: "DELETE",
  path: `${REPO}/issues/comments/{id}`,
  scope: "issue",
  needsToken: true,
  handle: inComment((ask, issue, comment) => {
    const { state, user } = ask
    if (user === undefined || (user.id !== comment.authorId && !writer(ask, issue.repo)))
      return { status: 403 }
    actions.deleteComment(state, issue, user.id, comment)
    return { status: 204 }
  }),
}

type Reactable = { reactions?: Array<SimReaction> }

/** The endpoints of reactions to one kind of item. A list without any is null. */
const reactions = (
  path: string,
  find: (handle: (ask: Ask, issue: SimIssue, on: Reactable) => Reply) => (ask: Ask) => Reply,
): ReadonlyArray<Route> => [
  {
    method: "GET",
    path,
    scope: "issue",
    handle: find(({ shapes }, _, on) => {
      const all = (on.reactions ?? []).map((reaction) => reactionJson(shapes, reaction))
      return { status: 200, json: all.length === 0 ? null : all }
    }),
  },
  {
    method: "POST",
    path,
    scope: "issue",
    needsToken: true,
    handle: find((ask, issue, on) => {
      const content = textOf(ask, "content")
      if (issue.locked && !writer(ask, issue.repo)) return failure(403, "the issue is locked")
      if (!actions.REACTIONS.includes(content)) return failure(403, `'${content}' is not an allowed reaction`)
      const { reaction, isNew } = actions.react(ask.state, on, ask.user?.id ?? -1, content)
      return { status: isNew ? 201 : 200, json: reactionJson(ask.shapes, reaction) }
    }),
  },
]

const onIssue = reactions(`${REPO}/issues/{index}/reactions`, (handle) =>
  inIssue(notFound, (ask, issue) => handle(ask, issue, issue)),
)
const onComment = reactions(`${REPO}/issues/comments/{id}/reactions`, inComment)

/** Comments, references and changes by time. An empty page is null, and the count is that of the page. */
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
/** All of these endpoints. */
export const commentRoutes: ReadonlyArray<Route> = [
  listAll,
  readComment,
  editComment,
  deleteComment,
  ...onComment,
  ...onIssue,
  listComments,
  postComment,
  timeline,
]
