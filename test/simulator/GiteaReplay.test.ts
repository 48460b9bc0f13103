/** Each recorded exchange with a real Gitea, replayed against the simulator in the same state. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import type { GiteaState } from "../../src/simulator/GiteaSimulator.ts"
import type { SimPermission } from "../../src/simulator/seed.ts"
import { type Recorded, recorded } from "../support/recorded.ts"
import { shapeOf } from "../support/shape.ts"

const DOOR = {
  number: 1,
  title: "The cellar door does not close",
  body: "It stands open by a thumb when it rains.\r\n\r\nWhat is known is in `door.md`.",
  author: "ada",
}
const TARGETED = { ...DOOR, labels: ["bot-bottle:carpenter"], assignees: ["cellar-bot"] }
const HEADS = ["bot-bottle/x", "bot-bottle/carpenter-jkjim"]
const FIRST = "w5384836"
const LIFE = "w5181111"
/** The commit that a check failed on. */
const CHECKED = "59a17b9993f6dce382be5b907f53276545ea4c66"
const collaborators: Record<string, SimPermission> = { "cellar-bot": "write", wendy: "write" }

const seed: GiteaSimulator.GiteaSeed = {
  contentVersions: false,
  users: [
    { login: "ada", token: "of-ada" },
    { login: "cellar-bot", token: "of-bot" },
    { login: "wendy" },
    { login: "mallory" },
    { login: "tess", token: "of-tess" },
    { login: "olga", token: "of-olga" },
  ],
  orgs: [
    { name: "bot-bottle", members: ["cellar-bot"], owners: ["olga"] },
    { name: "team", members: ["cellar-bot"] },
  ],
  // Searches show the latest first.
  repos: [
    {
      owner: "ada",
      name: "w4974888",
      branches: HEADS,
      issues: [TARGETED],
      pulls: [{ title: "PR", body: "Closes #1", author: "cellar-bot", head: "bot-bottle/x", merged: true }],
    },
    ...[LIFE, "w5209884", FIRST].map((name) => ({
      owner: "ada",
      name,
      branches: HEADS,
      collaborators,
      issues: [
        name === "w5209884" ? TARGETED : DOOR,
        { number: 2, title: "Urgent", body: name === LIFE ? "As in #1" : "", author: "mallory" },
      ],
    })),
  ],
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
type Repo = NonNullable<ReturnType<GiteaState["repo"]>>
const firstOf = (state: GiteaState): Repo | undefined =>
  state.repos.find(({ name }) => name.startsWith(FIRST))
const inFirst = (made: (repo: Repo, state: GiteaState) => void): Change =>
  change((state) => {
    const repo = firstOf(state)
    if (repo !== undefined) made(repo, state)
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
  reviews: ({ sim }) =>
    Effect.gen(function* () {
      const pull = at(FIRST, 3)
      const lines = [{ path: "new.md", line: 1, body: "why x?", hunk: "@@ -0,0 +1 @@\n+x" }]
      const { review, askForReview, dismiss } = sim.as("wendy")
      const id = yield* review(pull, { state: "REQUEST_CHANGES", body: "See", lines })
      yield* sim.as("ada").review(pull, { state: "APPROVED", body: "Fine" })
      yield* dismiss(pull, id, "Done")
      yield* askForReview(pull, "wendy")
      yield* sim.as("cellar-bot").push(pull, "bot-bottle/x", { sha: CHECKED })
      const failed = { state: "failure", context: "ci/test", description: "1 test failed" } as const
      yield* sim.as("ada").check(pull, { ...failed, targetUrl: "http://127.0.0.1/x" })
    }),
  dependencies: ({ sim, state }) =>
    Effect.gen(function* () {
      yield* sim.as("ada").depend(at(FIRST, 1), at(FIRST, 2))
      yield* sim.as("ada").lock(at(FIRST, 2))
      yield* sim.as("ada").close(at(FIRST, 2))
      const issue = state.issue("ada", FIRST, 2)
      if (issue !== undefined) issue.dueDate = "2027-01-01T23:59:59Z"
    }),
  merge: inFirst((repo) => {
    const pull = repo.issues.get(3)?.pull
    if (pull !== undefined) pull.merging = "checking"
  }),
  "renamed: GET": inFirst((repo, state) => state.renameRepo(repo, `${FIRST}-new`)),
  "archived: comment": inFirst((repo) => (repo.archived = true)),
  "write permission taken away: comment (public repository)": inFirst((repo) => {
    repo.archived = false
    repo.collaborators.delete("cellar-bot")
  }),
  "private and no member: GET": inFirst((repo) => (repo.private = true)),
  "deleted repository": inFirst((repo, state) => void state.repos.splice(state.repos.indexOf(repo), 1)),
  "one life: GET /repos/ada/w5181111/issues/3/comments": spoke("ada", "mallory"),
  "one life: GET /repos/ada/w5181111/pulls/3": ({ sim }) =>
    sim.as("wendy").review(at(LIFE, 3), { state: "APPROVED" }),
}

/** Whose token a request was sent with. */
const tokenOf = ({ note, authorization }: Recorded): string | undefined => {
  if (authorization === null) return undefined
  if (note === "bad token") return "unknown"
  if (note.startsWith("token without") || note.endsWith("without the scope")) return "narrow"
  if (note.endsWith("as owner")) return "of-olga"
  if (authorization === "token") return "of-bot"
  return note.includes("stranger") ? "of-tess" : "of-ada"
}

/** The path with the simulator's own ids in place of the real ones. */
const pathOf = ({ path }: Recorded, state: GiteaState): string => {
  const repo = firstOf(state)
  const review = repo?.issues.get(3)?.pull?.reviews[0]?.id
  return path
    .replace(/\/reviews\/\d+/, `/reviews/${review}`)
    .replace(/\/hooks\/\d+/, `/hooks/${repo?.hooks[0]?.id}`)
}
/** The headers that matter: where to, of what type, and which other pages. How many there are is another world's. */
const headersOf = (header: (name: string) => string | null | undefined): ReadonlyArray<string> => [
  `location ${header("location") ?? ""}`,
  `type ${header("content-type") ?? ""}`,
  `counted ${(header("x-total-count") ?? "") !== ""}`,
  `pages ${[...(header("link") ?? "").matchAll(/rel="(\w+)"/g)].map(([, rel]) => rel).join()}`,
]
/** The body that was sent; the recording has the beginning of the large one alone. */
const bodyOf = ({ note, request }: Recorded): string | null =>
  note === "comment of 1 MB" ? JSON.stringify({ body: "x".repeat(1024 * 1024) }) : request

const shapeOfText = (text: string): ReadonlyArray<string> => {
  if (text === "") return ["nothing"]
  return /^[[{n]/.test(text) ? shapeOf(JSON.parse(text)) : [text.startsWith("<") ? "a page" : text]
}

it("the recording has what is replayed, some of it only in its beginning", () => {
  expect(recorded.length).toBe(118)
  // What the recording has of these must be there.
  expect(recorded.filter(({ truncated }) => truncated !== undefined).map(({ note }) => note)).toEqual([
    "comment of 1 MB",
    "timeline, first page",
    "search: issues assigned to me, everywhere",
    "comments of a repository since",
  ])
  const notes = recorded.map(({ note }) => note)
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
      let agreed = 0
      for (const exchange of recorded) {
        const { note, method, status, answer, headers } = exchange
        const request = bodyOf(exchange)
        const before = BEFORE[note]
        if (before !== undefined && !changed.has(note)) yield* before({ sim, state })
        changed.add(note)
        const path = pathOf(exchange, state)
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
        const seen = [`status ${reply.status}`, ...headersOf((name) => reply.headers.get(name))]
        const real = [`status ${status}`, ...headersOf((name) => headers[name])]
        if (!isCut || answer.startsWith("[")) {
          seen.push(...shapeOfText(text))
          real.push(...shapeOfText(answer))
        }
        const missing = real.filter((line) => !seen.includes(line))
        const more = isCut ? [] : seen.filter((line) => !real.includes(line))
        if (missing.length + more.length > 0) differences.push({ note, path, missing, more })
        else agreed += 1
      }
      expect(differences).toEqual([])
      expect(agreed).toBe(118)
    }),
  )
})
