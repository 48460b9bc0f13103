/** The simulator answers what Gitea's own description says it may, and what is known to be wrong in that description. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { routes } from "../../src/simulator/routes.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import { mentions } from "../../src/simulator/references.ts"
import { contractOrgs, contractSeed } from "../contracts/Forge.ts"
import { differences, endpoints, type Sent, UNDOCUMENTED } from "./described.ts"
import { edit, requests } from "./requests.ts"

const seed: GiteaSimulator.GiteaSeed = {
  users: [
    { login: "bot", token: "bot-token" },
    { login: "stranger", token: "stranger-token" },
    { login: "ann", token: "ann-token", scopes: ["read:user"] },
  ],
  orgs: [...contractOrgs, { name: "owned", owners: ["bot"] }],
  repos: [
    {
      ...contractSeed,
      files: { ".gitattributes": "*.bin filter=lfs\n" },
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
      const ids = (name: string) => {
        const repo = sim.state.repo("acme", "tool")
        const review = repo?.issues.get(19)?.pull?.reviews[0]
        if (name === "KEY") return repo?.keys[0]?.id
        if (name === "HOOK") return repo?.hooks[0]?.id
        if (name === "OWNED") return sim.state.org("owned")?.hooks[0]?.id
        if (name === "COMMENT") return repo?.issues.get(17)?.comments[0]?.id
        return name === "REVIEW" ? review?.id : review?.lines[0]?.id
      }
      for (const [expected, asked] of requests) {
        const sent = { ...asked, path: asked.path.replace(/[A-Z]{3,}/, (name) => String(ids(name))) }
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
