/** The simulator answers what Gitea's own description says it may, and what is known to be wrong in that description. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { routes } from "../../src/simulator/routes.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import { mentions } from "../../src/simulator/references.ts"
import { contractOrgs, contractSeed, keyOf } from "../contracts/Forge.ts"
import table from "../support/gitea-api.json" with { type: "json" }

const types: Readonly<Record<string, Readonly<Record<string, string>>>> = table.types
const endpoints: ReadonlyArray<{
  readonly method: string
  readonly path: string
  readonly answers: Readonly<Record<string, string | null | undefined>>
}> = table.endpoints

/** Codes that Gitea's source answers with and its description leaves out, by a part of the endpoint. */
const UNDOCUMENTED: ReadonlyArray<readonly [endpoint: string, code: number, why: string]> = [
  ["", 401, "a token that is unknown, or none where one is needed"],
  ["", 403, "a token without the scope"],
  ["/repos/", 301, "a repository that was renamed, for all methods"],
  ["/issues/{index}/comments", 500, "an issue that does not exist"],
  ["/timeline", 500, "an issue that does not exist"],
  ["POST /repos/{owner}/{repo}/issues/{index}/comments", 422, "an empty comment"],
  ["PATCH /repos/{owner}/{repo}/issues/{index}", 409, "an older content_version"],
  ["", 422, "a body that is not JSON"],
  ["DELETE /repos/{owner}/{repo}/keys/{id}", 500, "the key of another repository"],
]

/** Properties that Gitea answers with null where its description names a type. */
const NULLABLE = new Set([
  "Issue.assignee",
  "Issue.assignees",
  "Issue.milestone",
  "Issue.closed_at",
  "Issue.due_date",
  "Issue.pull_request",
  "PullRequestMeta.merged_at",
  "PullRequest.assignee",
  "PullRequest.assignees",
  "PullRequest.requested_reviewers",
  "PullRequest.milestone",
  "PullRequest.merged_at",
  "PullRequest.merged_by",
  "PullRequest.closed_at",
  "PullRequest.due_date",
  "PRBranchInfo.repo",
  "PullRequest.merge_commit_sha",
  "PullRequest.requested_reviewers_teams",
  "Repository.parent",
  "Repository.repo_transfer",
  "Repository.licenses",
  "TimelineComment.old_milestone",
  "TimelineComment.milestone",
  "TimelineComment.tracked_time",
  "TimelineComment.label",
  "TimelineComment.assignee",
  "TimelineComment.assignee_team",
  "TimelineComment.resolve_doer",
  "TimelineComment.dependent_issue",
  "TimelineComment.ref_issue",
  "TimelineComment.ref_comment",
])

/** Properties that Gitea answers with and its description leaves out. */
const UNDESCRIBED = new Set(["User.username"])

/** What of a value is not as the description has it, by its path. */
const differences = (value: unknown, type: string, at: string): ReadonlyArray<string> => {
  if (value === null) return NULLABLE.has(at) || type === "null" ? [] : [`${at} is null`]
  if (type.endsWith("[]")) {
    return Array.isArray(value)
      ? value.flatMap((item) => differences(item, type.slice(0, -2), type.slice(0, -2)))
      : [`${at} is no list`]
  }
  const properties = types[type]
  if (properties === undefined) {
    const actual = typeof value === "number" && Number.isInteger(value) ? "integer" : typeof value
    return actual === type ? [] : [`${at} is ${actual}, not ${type}`]
  }
  if (typeof value !== "object") return [`${at} is no object`]
  return Object.entries(value ?? {}).flatMap(([property, inner]) => {
    const expected = properties[property]
    if (UNDESCRIBED.has(`${type}.${property}`)) return []
    return expected === undefined
      ? [`${type}.${property} does not exist`]
      : differences(inner, expected, `${type}.${property}`)
  })
}

interface Sent {
  readonly endpoint: string
  readonly path: string
  readonly token?: string
  readonly body?: unknown
}

const seed: GiteaSimulator.GiteaSeed = {
  users: [
    { login: "bot", token: "bot-token" },
    { login: "stranger", token: "stranger-token" },
    { login: "ann", token: "ann-token", scopes: ["read:user"] },
  ],
  orgs: contractOrgs,
  repos: [
    {
      ...contractSeed,
      pulls: [
        ...(contractSeed.pulls ?? []),
        {
          number: 30,
          title: "Gone",
          head: "g",
          headRepoId: -1,
          author: "ann",
          merged: true,
          assignees: ["ann"],
        },
      ],
    },
    { owner: "acme", name: "old", archived: true, collaborators: { bot: "admin" } },
    { owner: "acme", name: "secret", private: true },
  ],
}

const REPO = "/repos/{owner}/{repo}"
const branch = `GET ${REPO}/branches/{branch}`
const comment = `POST ${REPO}/issues/{index}/comments`
const edit = `PATCH ${REPO}/issues/{index}`
const open = `POST ${REPO}/pulls`
const addKey = `POST ${REPO}/keys`
const removeKey = `DELETE ${REPO}/keys/{id}`
const key = (title: string, letter: string) => ({ title, key: `${keyOf(letter)} a comment`, read_only: true })

/** Requests that bring every endpoint to every answer it has. */
const requests: ReadonlyArray<readonly [number, Sent]> = [
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
]

function pull(head: string, base: string) {
  return { title: "T", body: "Closes #17", head, base }
}

/** One request as a client that follows no redirect sends it. */
const send = (sim: GiteaSimulator.GiteaSimulator, { endpoint, path, token, body }: Sent) =>
  Effect.promise(async () => {
    const headers = {
      ...(token === undefined ? {} : { authorization: `token ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    }
    const response = await fetch(sim.apiUrl + path, {
      method: endpoint.split(" ")[0] ?? "GET",
      headers,
      redirect: "manual",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, text, headers: response.headers }
  })

describe("GiteaSimulator", () => {
  it("serves the endpoints of the table and no others", () => {
    const served = routes.map(({ method, path }) => `${method} ${path}`).sort()
    expect(served).toEqual(endpoints.map(({ method, path }) => `${method} ${path}`).sort())
    expect(new Set(requests.map(([, sent]) => sent.endpoint))).toEqual(new Set(served))
  })

  it.live("answers with the codes and properties that Gitea describes, or is known to have", () =>
    Effect.gen(function* () {
      const sim = yield* GiteaSimulator.make(seed)
      const former = sim.state.addRepo({ owner: "acme", name: "former" })
      sim.state.renameRepo(former, "latter")
      const made = () => sim.state.repo("acme", "tool")?.keys[0]?.id ?? 0
      for (const [expected, asked] of requests) {
        const sent = { ...asked, path: asked.path.replace("KEY", String(made())) }
        const { status, text } = yield* send(sim, sent)
        expect([sent.endpoint, sent.path, status]).toEqual([sent.endpoint, sent.path, expected])
        const described =
          endpoints.find(({ method, path }) => `${method} ${path}` === sent.endpoint)?.answers ?? {}
        const known = UNDOCUMENTED.some(([part, code]) => sent.endpoint.includes(part) && code === status)
        expect([sent.endpoint, status, known || String(status) in described]).toEqual([
          sent.endpoint,
          status,
          true,
        ])
        const type = described[String(status)]
        if (typeof type === "string") expect(differences(JSON.parse(text), type, type)).toEqual([])
        else if (status < 300) expect(text).toBe("")
        else if (status !== 301 && status !== 303 && text !== "")
          expect(JSON.parse(text)).toHaveProperty("message")
      }
    }).pipe(Effect.scoped),
  )

  it("lists as undocumented only what the table does not have", () => {
    for (const [part, code] of UNDOCUMENTED.filter(([part]) => part.includes("{index}"))) {
      const hits = endpoints.filter(({ method, path }) => `${method} ${path}`.includes(part))
      expect(hits.length).toBeGreaterThan(0)
      for (const hit of hits) expect(hit.answers).not.toHaveProperty(String(code))
    }
  })

  it.live("has Gitea's empty bodies and nulls", () =>
    Effect.gen(function* () {
      const sim = yield* GiteaSimulator.make(seed)
      const forbidden = yield* send(sim, {
        endpoint: edit,
        path: "/repos/acme/tool/issues/17",
        token: "stranger-token",
        body: {},
      })
      expect(forbidden).toMatchObject({ status: 403, text: "" })
      const page = yield* send(sim, {
        endpoint: "GET",
        path: "/repos/acme/tool/issues/17/timeline?page=9&limit=50",
      })
      expect(page.text).toBe("null")
      const issue = yield* send(sim, { endpoint: "GET", path: "/repos/acme/tool/issues/20" })
      expect(JSON.parse(issue.text)).toMatchObject({ assignees: null, pull_request: null, body: "" })
      const unknown = yield* send(sim, { endpoint: "GET", path: "/nothing/here" })
      expect(unknown).toMatchObject({ status: 404, text: "404 page not found\n" })
    }).pipe(Effect.scoped),
  )

  it.live("pages lists by at most 50, all but comments", () =>
    Effect.gen(function* () {
      const sim = yield* GiteaSimulator.make(seed)
      const repo = sim.state.repo("acme", "tool")
      if (repo === undefined) return
      for (let n = 0; n < 70; n++) {
        const issue = sim.state.addIssue(repo, { title: "i" })
        const at = sim.state.now()
        repo.issues
          .get(17)
          ?.comments.push({ id: issue.id + 1000, authorId: 1, body: "c", createdAt: at, updatedAt: at })
      }
      const length = (path: string) =>
        Effect.map(
          send(sim, { endpoint: "GET", path: `/repos/acme/tool${path}` }),
          ({ text }) => JSON.parse(text).length,
        )
      expect(yield* length("/issues?limit=1000")).toBe(50)
      expect(yield* length("/issues")).toBe(30)
      expect(yield* length("/issues?limit=50&page=2")).toBe(25)
      expect(yield* length("/issues/17/comments?limit=5&page=7")).toBe(78)
      expect(yield* length("/issues?labels=no-such-label&limit=50")).toBe(50)
    }).pipe(Effect.scoped),
  )

  it.live("tells what it was asked, and never with which token", () =>
    Effect.gen(function* () {
      const sim = yield* GiteaSimulator.make(seed)
      yield* send(sim, { endpoint: "GET", path: "/user", token: "bot-token" })
      expect(sim.requests).toEqual([{ method: "GET", path: "/user", user: "bot", body: "" }])
    }).pipe(Effect.scoped),
  )

  it.live("lets other protocols be mounted before the API", () =>
    Effect.gen(function* () {
      const sim = yield* GiteaSimulator.make(seed, {
        mounts: [
          (request, response, state) => {
            if (!request.url?.endsWith("/info/refs")) return false
            response.end(state.repos[0]?.name)
            return true
          },
        ],
      })
      const answer = yield* Effect.promise(async () =>
        (await fetch(`${sim.url}/acme/tool.git/info/refs`)).text(),
      )
      expect(answer).toBe("tool")
    }).pipe(Effect.scoped),
  )
})

describe("mentions", () => {
  it.each([
    ["Closes #1", ["closes 1"]],
    ["fixes: #1", ["closes 1"]],
    ["RESOLVED #1", ["closes 1"]],
    ["Closes #1, #2", ["closes 1", "none 2"]],
    ["closes  #1", ["none 1"]],
    ["closes\n#1", ["none 1"]],
    ["see #1 and !2", ["none 1", "none 2"]],
    ["closes acme/tool#3", ["closes 3"]],
    ["reopens #4", ["reopens 4"]],
    ["`closes #1`", []],
    ["```\ncloses #1\n```", []],
    ["discloses #1", ["none 1"]],
    ["a#1 #x", []],
  ])("of %j", (text, expected) => {
    expect(mentions(text).map(({ keyword, number }) => `${keyword} ${number}`)).toEqual(expected)
  })
})
