/** Each recorded exchange with a real Gitea that the adapter can make, replayed against the simulator in the same state. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import type { GiteaState } from "../../src/simulator/GiteaSimulator.ts"
import type { SimPermission } from "../../src/simulator/seed.ts"
import { isMade, type Recorded, recorded } from "../support/recorded.ts"

const DOOR = {
  number: 1,
  title: "The cellar door does not close",
  body: "It stands open by a thumb when it rains.\r\n\r\nWhat is known is in `door.md`.",
  author: "ada",
}
const HEADS = ["bot-bottle/x", "bot-bottle/carpenter-jkjim"]
const FIRST = "w5384836"
const LIFE = "w5181111"
const collaborators: Record<string, SimPermission> = { "cellar-bot": "write", wendy: "write" }

const seed: GiteaSimulator.GiteaSeed = {
  contentVersions: false,
  users: [
    { login: "ada", token: "of-ada" },
    { login: "cellar-bot", token: "of-bot" },
    { login: "wendy" },
    { login: "mallory" },
    { login: "tess", token: "of-tess" },
  ],
  orgs: [
    { name: "bot-bottle", members: ["cellar-bot"] },
    { name: "team", members: ["cellar-bot"] },
  ],
  repos: [FIRST, LIFE].map((name) => ({
    owner: "ada",
    name,
    branches: HEADS,
    collaborators,
    issues: [DOOR, { number: 2, title: "Urgent", body: name === LIFE ? "As in #1" : "", author: "mallory" }],
  })),
}

interface World {
  readonly sim: GiteaSimulator.GiteaSimulator
  readonly state: GiteaState
}
type Change = (world: World) => Effect.Effect<unknown>

const at = (repo: string, number: number) => ({ owner: "ada", repo, number })
const change =
  (made: (state: GiteaState) => void): Change =>
  (world) =>
    Effect.sync(() => made(world.state))
const inFirst = (made: (repo: NonNullable<ReturnType<GiteaState["repo"]>>) => void): Change =>
  change((state) => {
    const repo = state.repoById(state.repos[0]?.id ?? 0)
    if (repo !== undefined) made(repo)
  })
const reviewed = (repo: string, reviewers: ReadonlyArray<string>, comments: number): Change =>
  change((state) => {
    const pull = state.issue("ada", repo, 3)?.pull
    pull?.reviewers.push(...reviewers)
    if (pull !== undefined) pull.reviewComments = comments
  })
const spoke =
  (...logins: ReadonlyArray<string>): Change =>
  (world) =>
    Effect.forEach(logins, (login) => world.sim.as(login).comment(at(LIFE, 3), "Good."))

/** What others did on the real one before an exchange, by its note. */
const BEFORE: Readonly<Record<string, Change>> = {
  "no token": ({ sim }) =>
    Effect.forEach([FIRST, LIFE], (repo) =>
      Effect.zipRight(
        sim.as("ada").label(at(repo, 1), "bot-bottle:carpenter"),
        sim.as("ada").assign(at(repo, 1), "cellar-bot"),
      ),
    ),
  "comment on a locked issue by a writer": inFirst((repo) => {
    const issue = repo.issues.get(2)
    if (issue !== undefined) Object.assign(issue, { locked: true, dueDate: "2027-01-01T23:59:59Z" })
  }),
  "issues with an unknown label (filter dropped)": ({ sim }) => sim.as("ada").close(at(FIRST, 2)),
  "merged pull": reviewed(FIRST, ["ada", "wendy"], 2),
  "renamed: GET": ({ state }) =>
    Effect.sync(() => state.repos[0] && state.renameRepo(state.repos[0], `${FIRST}-new`)),
  "archived: comment": inFirst((repo) => (repo.archived = true)),
  "write permission taken away: comment (public repository)": inFirst((repo) => {
    repo.archived = false
    repo.collaborators.delete("cellar-bot")
  }),
  "private and no member: GET": inFirst((repo) => (repo.private = true)),
  "deleted repository": change((state) => void state.repos.splice(0, 1)),
  "one life: GET /repos/ada/w5181111/issues/3/comments": spoke("ada", "mallory"),
  "one life: GET /repos/ada/w5181111/pulls/3": reviewed(LIFE, ["wendy"], 1),
}

/** Whose token a request was sent with. */
const tokenOf = ({ note, authorization }: Recorded): string | undefined => {
  if (authorization === null) return undefined
  if (note === "bad token") return "unknown"
  if (note.startsWith("token without")) return "narrow"
  if (authorization === "token") return "of-bot"
  return note.includes("stranger") ? "of-tess" : "of-ada"
}

const made = recorded.filter(({ method, path }) => isMade(method, path))
/** The body that was sent; the recording has the beginning of the large one alone. */
const bodyOf = ({ note, request }: Recorded): string | null =>
  note === "comment of 1 MB" ? JSON.stringify({ body: "x".repeat(1024 * 1024) }) : request

/** Each path in a JSON value with its type, each once; elements of a list share theirs. */
const shapeOf = (value: unknown, path = "$"): ReadonlyArray<string> => {
  if (Array.isArray(value)) {
    return value.length === 0
      ? [`${path}[] none`]
      : [...new Set(value.flatMap((item) => shapeOf(item, `${path}[]`)))]
  }
  if (value === null || typeof value !== "object")
    return [`${path} ${value === null ? "null" : typeof value}`]
  return Object.entries(value).flatMap(([key, inner]) => shapeOf(inner, `${path}.${key}`))
}

const shapeOfText = (text: string): ReadonlyArray<string> => {
  if (text === "") return ["nothing"]
  return text.startsWith("<") ? ["a page"] : shapeOf(JSON.parse(text))
}

it("the recording has what is replayed, and all that is left out is of endpoints that the adapter does not use", () => {
  expect(recorded.length).toBe(118)
  expect(made.length).toBe(78)
  // Of these the recording has the beginning: what it has must be there.
  expect(made.filter(({ truncated }) => truncated !== undefined).map(({ note }) => note)).toEqual([
    "comment of 1 MB",
    "timeline, first page",
  ])
  const notes = made.map(({ note }) => note)
  expect(notes).toEqual(expect.arrayContaining(Object.keys(BEFORE)))
})

describe("the simulator gives the status and the shape that a real Gitea gave", () => {
  it.scopedLive("to each of its exchanges", () =>
    Effect.gen(function* () {
      const sim = yield* GiteaSimulator.make(seed)
      const { state } = sim
      Object.assign(state.ensureUser("narrow"), { token: "narrow", scopes: ["read:issue"] })
      const changed = new Set<string>()
      const differences: Array<unknown> = []
      for (const exchange of made) {
        const { note, method, path, status, answer, headers } = exchange
        const request = bodyOf(exchange)
        const before = BEFORE[note]
        if (before !== undefined && !changed.has(note)) yield* before({ sim, state })
        changed.add(note)
        const token = tokenOf(exchange)
        const reply = yield* Effect.promise(() =>
          fetch(`${sim.url}${path}`, {
            method,
            redirect: "manual",
            headers: {
              ...(token !== undefined && { authorization: `token ${token}` }),
              ...(request !== null && { "content-type": "application/json" }),
            },
            body: request,
          }),
        )
        const text = yield* Effect.promise(() => reply.text())
        const isCut = exchange.truncated !== undefined
        const seen = [`status ${reply.status}`, `location ${reply.headers.get("location") ?? ""}`]
        const real = [`status ${status}`, `location ${headers["location"] ?? ""}`]
        if (!isCut || answer.startsWith("[")) {
          seen.push(...shapeOfText(text))
          real.push(...shapeOfText(answer))
        }
        const missing = real.filter((line) => !seen.includes(line))
        const more = isCut ? [] : seen.filter((line) => !real.includes(line))
        if (missing.length + more.length > 0) differences.push({ note, path, missing, more })
      }
      expect(differences).toEqual([])
    }),
  )
})
