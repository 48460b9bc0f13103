/** Requests that bring the endpoints of issues, pull requests and keys to every answer they have. */
import { keyOf } from "../contracts/Forge.ts"
import type { Sent } from "./described.ts"
import { moreRequests } from "./moreRequests.ts"

const REPO = "/repos/{owner}/{repo}"
const branch = `GET ${REPO}/branches/{branch}`
const contents = `GET ${REPO}/contents/{filepath}`
const comment = `POST ${REPO}/issues/{index}/comments`
/** The endpoint that edits an issue. */
export const edit = `PATCH ${REPO}/issues/{index}`
const open = `POST ${REPO}/pulls`
const addKey = `POST ${REPO}/keys`
const removeKey = `DELETE ${REPO}/keys/{id}`
const key = (title: string, letter: string) => ({ title, key: `${keyOf(letter)} a comment`, read_only: true })

/** Requests that bring every endpoint to every answer it has. */
export const requests: ReadonlyArray<readonly [number, Sent]> = [
  [200, { endpoint: "GET /version", path: "/version" }],
  [401, { endpoint: "GET /version", path: "/version", token: "unknown" }],
  [200, { endpoint: "GET /user", path: "/user", token: "bot-token" }],
  [401, { endpoint: "GET /user", path: "/user" }],
  [
    204,
    {
      endpoint: "GET /orgs/{org}/members/{username}",
      path: "/orgs/bots/members/otherbot",
      token: "bot-token",
    },
  ],
  [
    404,
    { endpoint: "GET /orgs/{org}/members/{username}", path: "/orgs/bots/members/ann", token: "bot-token" },
  ],
  [
    303,
    { endpoint: "GET /orgs/{org}/members/{username}", path: "/orgs/apart/members/ann", token: "bot-token" },
  ],
  [
    403,
    { endpoint: "GET /orgs/{org}/members/{username}", path: "/orgs/apart/members/ann", token: "ann-token" },
  ],
  [204, { endpoint: "GET /orgs/{org}/public_members/{username}", path: "/orgs/apart/public_members/rita" }],
  [404, { endpoint: "GET /orgs/{org}/public_members/{username}", path: "/orgs/apart/public_members/ann" }],
  [200, { endpoint: branch, path: "/repos/acme/tool/branches/bot-bottle/one", token: "bot-token" }],
  [404, { endpoint: branch, path: "/repos/acme/tool/branches/absent", token: "bot-token" }],
  [200, { endpoint: contents, path: "/repos/acme/tool/contents/.gitattributes", token: "bot-token" }],
  [404, { endpoint: contents, path: "/repos/acme/tool/contents/.gitmodules", token: "bot-token" }],
  [200, { endpoint: `GET ${REPO}`, path: "/repos/acme/tool", token: "bot-token" }],
  [404, { endpoint: `GET ${REPO}`, path: "/repos/acme/nothing" }],
  [404, { endpoint: `GET ${REPO}`, path: "/repos/acme/secret", token: "stranger-token" }],
  [301, { endpoint: `GET ${REPO}`, path: "/repos/acme/former", token: "bot-token" }],
  [200, { endpoint: `GET ${REPO}/issues`, path: "/repos/acme/tool/issues?type=issues&state=all" }],
  [200, { endpoint: `GET ${REPO}/issues/{index}`, path: "/repos/acme/tool/issues/17" }],
  [200, { endpoint: `GET ${REPO}/issues/{index}`, path: "/repos/acme/tool/issues/30" }],
  [404, { endpoint: `GET ${REPO}/issues/{index}`, path: "/repos/acme/tool/issues/999" }],
  [200, { endpoint: `GET ${REPO}/issues/{index}/comments`, path: "/repos/acme/tool/issues/17/comments" }],
  [500, { endpoint: `GET ${REPO}/issues/{index}/comments`, path: "/repos/acme/tool/issues/999/comments" }],
  [
    200,
    { endpoint: `GET ${REPO}/issues/{index}/timeline`, path: "/repos/acme/tool/issues/17/timeline?page=1" },
  ],
  [500, { endpoint: `GET ${REPO}/issues/{index}/timeline`, path: "/repos/acme/tool/issues/999/timeline" }],
  [200, { endpoint: `GET ${REPO}/pulls`, path: "/repos/acme/tool/pulls" }],
  [200, { endpoint: `GET ${REPO}/pulls/{index}`, path: "/repos/acme/tool/pulls/18" }],
  [200, { endpoint: `GET ${REPO}/pulls/{index}`, path: "/repos/acme/tool/pulls/30" }],
  [404, { endpoint: `GET ${REPO}/pulls/{index}`, path: "/repos/acme/tool/pulls/17" }],
  ...(["wendy", "nobody-there"] as const).map(
    (user) =>
      [
        user === "wendy" ? 200 : 404,
        {
          endpoint: `GET ${REPO}/collaborators/{collaborator}/permission`,
          path: `/repos/acme/tool/collaborators/${user}/permission`,
          token: "bot-token",
        },
      ] as const,
  ),
  [
    403,
    {
      endpoint: `GET ${REPO}/collaborators/{collaborator}/permission`,
      path: "/repos/acme/tool/collaborators/wendy/permission",
      token: "stranger-token",
    },
  ],
  [
    201,
    {
      endpoint: comment,
      path: "/repos/acme/tool/issues/17/comments",
      token: "bot-token",
      body: { body: "x" },
    },
  ],
  [401, { endpoint: comment, path: "/repos/acme/tool/issues/17/comments", body: { body: "x" } }],
  [
    422,
    {
      endpoint: comment,
      path: "/repos/acme/tool/issues/17/comments",
      token: "bot-token",
      body: { body: "" },
    },
  ],
  [
    422,
    {
      endpoint: comment,
      path: "/repos/acme/tool/issues/17/comments",
      token: "bot-token",
      body: "no JSON object",
    },
  ],
  [
    423,
    { endpoint: comment, path: "/repos/acme/old/issues/1/comments", token: "bot-token", body: { body: "x" } },
  ],
  [
    500,
    {
      endpoint: comment,
      path: "/repos/acme/tool/issues/999/comments",
      token: "bot-token",
      body: { body: "x" },
    },
  ],
  [201, { endpoint: edit, path: "/repos/acme/tool/issues/17", token: "bot-token", body: { body: "y" } }],
  [
    409,
    {
      endpoint: edit,
      path: "/repos/acme/tool/issues/17",
      token: "bot-token",
      body: { body: "z", content_version: 0 },
    },
  ],
  [403, { endpoint: edit, path: "/repos/acme/tool/issues/17", token: "stranger-token", body: { body: "z" } }],
  [404, { endpoint: edit, path: "/repos/acme/tool/issues/999", token: "bot-token", body: { body: "z" } }],
  [
    201,
    {
      endpoint: open,
      path: "/repos/acme/tool/pulls",
      token: "bot-token",
      body: pull("bot-bottle/two", "trunk"),
    },
  ],
  [
    409,
    {
      endpoint: open,
      path: "/repos/acme/tool/pulls",
      token: "bot-token",
      body: pull("bot-bottle/two", "trunk"),
    },
  ],
  [
    404,
    { endpoint: open, path: "/repos/acme/tool/pulls", token: "bot-token", body: pull("nowhere", "trunk") },
  ],
  [422, { endpoint: open, path: "/repos/acme/tool/pulls", token: "bot-token", body: pull("trunk", "trunk") }],
  [201, { endpoint: addKey, path: "/repos/acme/tool/keys", token: "bot-token", body: key("one", "A") }],
  ...[key("two", "A"), key("one", "B"), { title: "two", key: "no key" }, key("", "B")].map(
    (body) => [422, { endpoint: addKey, path: "/repos/acme/tool/keys", token: "bot-token", body }] as const,
  ),
  [403, { endpoint: addKey, path: "/repos/acme/tool/keys", token: "stranger-token", body: key("two", "B") }],
  [200, { endpoint: `GET ${REPO}/keys`, path: "/repos/acme/tool/keys", token: "bot-token" }],
  [404, { endpoint: `GET ${REPO}/keys`, path: "/repos/acme/nothing/keys", token: "bot-token" }],
  [204, { endpoint: removeKey, path: "/repos/acme/tool/keys/999999", token: "bot-token" }],
  [500, { endpoint: removeKey, path: "/repos/acme/old/keys/KEY", token: "bot-token" }],
  [403, { endpoint: removeKey, path: "/repos/acme/tool/keys/KEY", token: "stranger-token" }],
  [423, { endpoint: open, path: "/repos/acme/old/pulls", token: "bot-token", body: pull("a", "b") }],
  ...moreRequests,
]

function pull(head: string, base: string) {
  return { title: "T", body: "Closes #17", head, base }
}
