/** Requests that bring the endpoints of reviews, statuses, hooks, reactions and searches to every answer they have, as Gitea's description has them. */

import type { Sent } from "./described.ts"

const REPO = "/repos/{owner}/{repo}"
const SHA = "1".repeat(40)

type Row = readonly [status: number, path: string, by?: "bot" | "stranger" | "ann", body?: unknown]

const of = (endpoint: string, ...rows: ReadonlyArray<Row>): ReadonlyArray<readonly [number, Sent]> =>
  rows.map(([status, path, by, body]) => [
    status,
    {
      endpoint,
      path,
      ...(by !== undefined && { token: `${by}-token` }),
      ...(body !== undefined && { body }),
    },
  ])

const TOOL = "/repos/acme/tool"
const OLD = "/repos/acme/old"
const PULL = `${TOOL}/pulls/19`
const COMMENTS = "/issues/comments/{id}"
const hook = { type: "gitea", config: { url: "http://127.0.0.1:9/", content_type: "json", secret: "s" } }
const line = { path: "a.ts", body: "Why?", new_position: 3 }
const onIt = { index: 20 }

/** In an order in which each finds what it needs. */
export const moreRequests: ReadonlyArray<readonly [number, Sent]> = [
  ...of("GET /settings/api", [200, "/settings/api"]),
  ...of("GET /settings/repository", [200, "/settings/repository"]),
  ...of("GET /notifications", [200, "/notifications", "bot"], [403, "/notifications", "ann"]),
  ...of(
    "GET /repos/issues/search",
    [200, "/repos/issues/search?state=all&limit=2&page=2", "bot"],
    [422, "/repos/issues/search?since=yesterday", "bot"],
  ),
  ...of(`GET ${REPO}/assignees`, [200, `${TOOL}/assignees`, "bot"]),
  ...of(`GET ${REPO}/branch_protections`, [403, `${TOOL}/branch_protections`, "stranger"]),
  ...of(`GET ${REPO}/branch_protections`, [200, `${TOOL}/branch_protections`, "bot"]),
  ...of(`GET ${REPO}/actions/tasks`, [200, `${TOOL}/actions/tasks`, "bot"]),
  ...of(
    `GET ${REPO}/collaborators/{collaborator}`,
    [204, `${TOOL}/collaborators/rita`, "stranger"],
    [404, `${TOOL}/collaborators/ann`, "stranger"],
  ),
  ...of(
    `POST ${REPO}/issues`,
    [201, `${TOOL}/issues`, "stranger", { title: "Mine", labels: [1], assignees: ["bot"] }],
    [422, `${TOOL}/issues`, "bot", { title: "" }],
    [423, `${OLD}/issues`, "bot", { title: "x" }],
  ),
  ...of(
    `POST ${REPO}/issues/{index}/dependencies`,
    [201, `${TOOL}/issues/17/dependencies`, "bot", onIt],
    [404, `${TOOL}/issues/17/dependencies`, "bot", { index: 999 }],
  ),
  ...of(`GET ${REPO}/issues/{index}/dependencies`, [200, `${TOOL}/issues/17/dependencies`]),
  ...of(`GET ${REPO}/issues/{index}/blocks`, [200, `${TOOL}/issues/20/blocks`]),
  ...of(`GET ${REPO}/issues/{index}/timeline`, [200, `${TOOL}/issues/20/timeline?page=1`]),
  ...of(`DELETE ${REPO}/issues/{index}/dependencies`, [200, `${TOOL}/issues/17/dependencies`, "bot", onIt]),
  ...of(`GET ${REPO}/issues/{index}/assets`, [200, `${TOOL}/issues/17/assets`]),
  ...of(
    `GET ${REPO}/issues/comments`,
    [200, `${TOOL}/issues/comments?limit=3`],
    [404, "/repos/acme/nothing/issues/comments"],
  ),
  ...of(
    `POST ${REPO}/issues/{index}/reactions`,
    [201, `${TOOL}/issues/17/reactions`, "bot", { content: "eyes" }],
    [200, `${TOOL}/issues/17/reactions`, "bot", { content: "eyes" }],
    [403, `${TOOL}/issues/17/reactions`, "bot", { content: "bogus" }],
  ),
  ...of(`GET ${REPO}/issues/{index}/reactions`, [200, `${TOOL}/issues/17/reactions`]),
  ...of(
    `POST ${REPO}/${COMMENTS.slice(1)}/reactions`,
    [201, `${TOOL}/issues/comments/COMMENT/reactions`, "bot", { content: "confused" }],
    [404, `${TOOL}/issues/comments/999999/reactions`, "bot", { content: "eyes" }],
  ),
  ...of(`GET ${REPO}${COMMENTS}/reactions`, [200, `${TOOL}/issues/comments/COMMENT/reactions`]),
  ...of(
    `POST ${REPO}/pulls/{index}/reviews`,
    [200, `${PULL}/reviews`, "bot", { event: "REQUEST_CHANGES", body: "See", comments: [line] }],
    [200, `${PULL}/reviews`, "stranger", { event: "COMMENT", body: "Note" }],
    [422, `${PULL}/reviews`, "stranger", { event: "APPROVED", body: "Mine" }],
    [422, `${PULL}/reviews`, "bot", { event: "COMMENT", body: "" }],
    [404, `${TOOL}/pulls/17/reviews`, "bot", { event: "APPROVED" }],
  ),
  ...of(
    `POST ${REPO}/pulls/{index}/requested_reviewers`,
    [201, `${PULL}/requested_reviewers`, "bot", { reviewers: ["wendy"] }],
    [404, `${PULL}/requested_reviewers`, "bot", { reviewers: ["nobody-there"] }],
    [422, `${PULL}/requested_reviewers`, "stranger", { reviewers: ["wendy"] }],
  ),
  ...of(`GET ${REPO}/pulls/{index}/reviews`, [200, `${PULL}/reviews`], [404, `${TOOL}/pulls/17/reviews`]),
  ...of(
    `GET ${REPO}/pulls/{index}/reviews/{id}`,
    [200, `${PULL}/reviews/REVIEW`],
    [404, `${PULL}/reviews/999999`],
  ),
  ...of(`GET ${REPO}/pulls/{index}/reviews/{id}/comments`, [200, `${PULL}/reviews/REVIEW/comments`]),
  ...of(
    `POST ${REPO}/pulls/{index}/reviews/{id}/dismissals`,
    [403, `${PULL}/reviews/REVIEW/dismissals`, "stranger", { message: "No" }],
    [200, `${PULL}/reviews/REVIEW/dismissals`, "bot", { message: "Done" }],
  ),
  ...of(
    `GET ${REPO}${COMMENTS}`,
    [200, `${TOOL}/issues/comments/COMMENT`],
    [204, `${TOOL}/issues/comments/LINE`],
    [404, `${TOOL}/issues/comments/999999`],
  ),
  ...of(
    `PATCH ${REPO}${COMMENTS}`,
    [200, `${TOOL}/issues/comments/COMMENT`, "bot", { body: "edited" }],
    [403, `${TOOL}/issues/comments/COMMENT`, "stranger", { body: "mine" }],
  ),
  ...of(
    `DELETE ${REPO}${COMMENTS}`,
    [403, `${TOOL}/issues/comments/COMMENT`, "stranger"],
    [204, `${TOOL}/issues/comments/COMMENT`, "bot"],
  ),
  ...of(
    `POST ${REPO}/statuses/{sha}`,
    [201, `${TOOL}/statuses/${SHA}`, "bot", { state: "failure", context: "ci/test" }],
    [400, `${TOOL}/statuses/${SHA}`, "bot", { state: "sad" }],
    [403, `${TOOL}/statuses/${SHA}`, "stranger", { state: "success" }],
  ),
  ...of(`GET ${REPO}/statuses/{sha}`, [200, `${TOOL}/statuses/${SHA}`]),
  ...of(
    `GET ${REPO}/commits/{ref}/statuses`,
    [200, `${TOOL}/commits/${SHA}/statuses`],
    [404, `${TOOL}/commits/absent/statuses`],
  ),
  ...of(
    `GET ${REPO}/commits/{ref}/status`,
    [200, `${TOOL}/commits/${SHA}/status`],
    [200, `${TOOL}/commits/trunk/status`],
  ),
  ...of(
    `POST ${REPO}/hooks`,
    [201, `${TOOL}/hooks`, "bot", { ...hook, events: ["issues"], active: true }],
    [422, `${TOOL}/hooks`, "bot", { ...hook, config: {} }],
    [403, `${TOOL}/hooks`, "stranger", hook],
  ),
  ...of(`GET ${REPO}/hooks`, [200, `${TOOL}/hooks`, "bot"]),
  ...of(`GET ${REPO}/hooks/{id}`, [200, `${TOOL}/hooks/HOOK`, "bot"], [404, `${TOOL}/hooks/999999`, "bot"]),
  ...of(`PATCH ${REPO}/hooks/{id}`, [200, `${TOOL}/hooks/HOOK`, "bot", { events: ["push"] }]),
  ...of(`POST ${REPO}/hooks/{id}/tests`, [204, `${TOOL}/hooks/HOOK/tests`, "bot"]),
  ...of(`DELETE ${REPO}/hooks/{id}`, [204, `${TOOL}/hooks/HOOK`, "bot"]),
  ...of(
    "POST /orgs/{org}/hooks",
    [201, "/orgs/owned/hooks", "bot", hook],
    [422, "/orgs/owned/hooks", "bot", {}],
    [403, "/orgs/owned/hooks", "stranger", hook],
  ),
  ...of("GET /orgs/{org}/hooks", [200, "/orgs/owned/hooks", "bot"], [404, "/orgs/absent/hooks", "bot"]),
  ...of("GET /orgs/{org}/hooks/{id}", [200, "/orgs/owned/hooks/OWNED", "bot"]),
  ...of("PATCH /orgs/{org}/hooks/{id}", [200, "/orgs/owned/hooks/OWNED", "bot", { events: ["issues"] }]),
  ...of("DELETE /orgs/{org}/hooks/{id}", [204, "/orgs/owned/hooks/OWNED", "bot"]),
  ...of(`GET ${REPO}/pulls/{index}/merge`, [404, `${PULL}/merge`]),
  ...of(
    `POST ${REPO}/pulls/{index}/update`,
    [200, `${PULL}/update?style=merge`, "bot"],
    [403, `${PULL}/update`, "stranger"],
  ),
  ...of(
    `POST ${REPO}/pulls/{index}/merge`,
    [409, `${PULL}/merge`, "bot", { Do: "merge", head_commit_id: SHA }],
    [200, `${PULL}/merge`, "bot", { Do: "merge" }],
    [405, `${PULL}/merge`, "bot", { Do: "merge" }],
    [404, `${TOOL}/pulls/17/merge`, "bot", { Do: "merge" }],
  ),
  ...of(`GET ${REPO}/pulls/{index}/merge`, [204, `${PULL}/merge`]),
]
