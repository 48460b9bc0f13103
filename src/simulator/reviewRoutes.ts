/** The endpoints of reviews in a simulated Gitea, with exact status codes. */
import * as reviewActions from "./reviewActions.ts"
import type { LineSeed } from "./reviewActions.ts"
import { lineJson, reviewJson } from "./reviewShapes.ts"
import {
  archived,
  type Ask,
  failure,
  inPull,
  notFound,
  paged,
  type Reply,
  type Route,
  textOf,
  textsOf,
  writer,
} from "./router.ts"
import type { SimIssue, SimReview, SimReviewState } from "./state.ts"

const REVIEWS = "/repos/{owner}/{repo}/pulls/{index}/reviews"

/** A pending review is only visible to its author. */
const list: Route = {
  method: "GET",
  path: REVIEWS,
  scope: "repository",
  handle: inPull((ask, issue, pull) =>
    paged(
      ask,
      pull.reviews
        .filter((review) => isSeen(ask, review))
        .map((review) => reviewJson(ask.shapes, issue, review)),
    ),
  ),
}

const isSeen = ({ user }: Ask, { state, authorId }: SimReview): boolean =>
  state !== "PENDING" || authorId === user?.id

const inReview = (handle: (ask: Ask, issue: SimIssue, review: SimReview) => Reply) =>
  inPull((ask, issue, pull) => {
    const review = pull.reviews.find(({ id }) => id === Number(ask.param["id"]))
    return review === undefined || !isSeen(ask, review) ? notFound : handle(ask, issue, review)
  })

const read: Route = {
  method: "GET",
  path: `${REVIEWS}/{id}`,
  scope: "repository",
  handle: inReview(({ shapes }, issue, review) => ({ status: 200, json: reviewJson(shapes, issue, review) })),
}

const comments: Route = {
  method: "GET",
  path: `${REVIEWS}/{id}/comments`,
  scope: "repository",
  handle: inReview(({ shapes }, issue, review) => ({
    status: 200,
    json: review.lines.map((line) => lineJson(shapes, issue, review, line)),
  })),
}

/** Without `event` a review is pending. Nobody can approve or reject their own pull request. */
const create: Route = {
  method: "POST",
  path: REVIEWS,
  scope: "repository",
  needsToken: true,
  handle: inPull((ask, issue) => {
    const { state, shapes, user } = ask
    if (issue.repo.archived) return archived
    const verdict = VERDICTS[textOf(ask, "event")]
    if (verdict === undefined) return failure(422, "unknown review type")
    const lines = linesOf(ask.body["comments"])
    const isEmpty = textOf(ask, "body").trim() === "" && lines.length === 0
    if (isEmpty && (verdict === "COMMENT" || verdict === "REQUEST_CHANGES"))
      return failure(422, `review event ${verdict} requires a body or a comment`)
    const isOwn = user === undefined || user.id === issue.authorId
    if (isOwn && verdict === "APPROVED") return failure(422, "approve your own pull is not allowed")
    if (isOwn && verdict === "REQUEST_CHANGES") return failure(422, "reject your own pull is not allowed")
    const body = textOf(ask, "body")
    const review = reviewActions.submit(state, issue, user?.id ?? -1, { state: verdict, body, lines })
    return review === undefined ? notFound : { status: 200, json: reviewJson(shapes, issue, review) }
  }),
}

const VERDICTS: Readonly<Record<string, SimReviewState>> = {
  "": "PENDING",
  PENDING: "PENDING",
  COMMENT: "COMMENT",
  APPROVED: "APPROVED",
  REQUEST_CHANGES: "REQUEST_CHANGES",
}

/** The comments in a request's body. One with an `old_position` is on a removed line. */
const linesOf = (value: unknown): ReadonlyArray<LineSeed> =>
  (Array.isArray(value) ? value : []).map((one: Readonly<Record<string, unknown>>) => {
    const old = Number(one["old_position"]) || 0
    return {
      path: String(one["path"]),
      body: String(one["body"]),
      line: old > 0 ? old : Number(one["new_position"]) || 0,
      side: old > 0 ? "old" : "new",
    }
  })

/** Only for administrators, and only for verdicts. */
const dismiss: Route = {
  method: "POST",
  path: `${REVIEWS}/{id}/dismissals`,
  scope: "repository",
  needsToken: true,
  handle: inReview((ask, issue, review) => {
    const { state, shapes, user } = ask
    const may = state.permission(issue.repo, user)
    if (user === undefined || (may !== "admin" && may !== "owner")) return failure(403, "Must be repo admin")
    if (review.state !== "APPROVED" && review.state !== "REQUEST_CHANGES")
      return failure(
        403,
        "not need to dismiss this review because it's type is not Approve or change request",
      )
    reviewActions.dismiss(state, issue, user.id, review, textOf(ask, "message"))
    return { status: 200, json: reviewJson(shapes, issue, review) }
  }),
}

const request: Route = {
  method: "POST",
  path: "/repos/{owner}/{repo}/pulls/{index}/requested_reviewers",
  scope: "repository",
  needsToken: true,
  handle: inPull((ask, issue) => {
    const { state, shapes, user } = ask
    const logins = textsOf(ask.body["reviewers"])
    if (logins.some((login) => state.user(login) === undefined)) return notFound
    if (user === undefined || !writer(ask, issue.repo)) return failure(422, "Doer can't choose reviewer")
    const made = logins.map((login) => reviewActions.ask(state, issue, user.id, login))
    return {
      status: 201,
      json: made.flatMap((review) => (review === undefined ? [] : [reviewJson(shapes, issue, review)])),
    }
  }),
}

/** All of these endpoints. */
export const reviewRoutes: ReadonlyArray<Route> = [list, read, comments, create, dismiss, request]
