/** What a program that asks the simulator for changes sees: the search over all repositories, its clock, and what moves an issue's time. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as NodeProcessRunner from "../../src/layers/process/NodeProcessRunner.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import * as GitServer from "../../src/simulator/gitServer.ts"
import { commit, ok } from "../support/git.ts"
import { hookReceiver } from "../support/hookReceiver.ts"
import { tempDir } from "../support/tempDir.ts"

const START = Date.parse("2026-11-28T12:00:00Z")
const at = (repo: string, number: number) => ({ owner: "ada", repo, number })

/** Two repositories of ada's that the bot may read, and one that it may not, at a clock that the test turns. */
const world = Effect.gen(function* () {
  let now = START
  const sim = yield* GiteaSimulator.make({
    now: () => now,
    users: [{ login: "ada" }, { login: "bot", token: "of-bot" }],
    repos: [
      { owner: "ada", name: "cellar", issues: [{ title: "Door" }, { title: "Wall" }] },
      { owner: "ada", name: "loft", issues: [{ title: "Dust" }], pulls: [{ title: "PR", head: "topic" }] },
      { owner: "ada", name: "safe", private: true, issues: [{ title: "Gold" }] },
    ],
  })
  const search = (query: string) =>
    Effect.promise(async () => {
      const headers = { authorization: "token of-bot" }
      const response = await fetch(`${sim.apiUrl}/repos/issues/search?${query}`, { headers })
      const issues = (await response.json()) as ReadonlyArray<{
        readonly number: number
        readonly repository: { readonly full_name: string }
      }>
      const names = issues.map(({ number, repository }) => `${repository.full_name}#${number}`)
      return { names, headers: response.headers }
    })
  return { sim, search, later: () => (now += 60_000) }
})

it.scopedLive(
  "the search shows what changed in every repository that one may read, by the forge's clock",
  () =>
    Effect.gen(function* () {
      const { sim, search, later } = yield* world
      later()
      yield* sim.as("ada").comment(at("loft", 1), "Still there.")
      yield* sim.as("ada").comment(at("safe", 1), "Secret.")
      const changed = yield* search("state=all&since=2026-11-28T12:01:00Z")
      expect(changed.names).toEqual(["ada/loft#1"])
      expect(changed.headers.get("date")).toBe("Sat, 28 Nov 2026 12:01:00 GMT")
      const pages = yield* Effect.forEach([1, 2, 3], (page) => search(`state=all&limit=2&page=${page}`))
      expect(pages.map(({ names }) => names)).toEqual([
        ["ada/loft#2", "ada/loft#1"],
        ["ada/cellar#2", "ada/cellar#1"],
        [],
      ])
      expect(pages.map(({ headers }) => headers.get("x-total-count"))).toEqual(["4", "4", "4"])
    }),
)

it.scopedLive("a sweep sees all changes but edited and deleted comments, reactions and statuses", () =>
  Effect.gen(function* () {
    const { sim, later } = yield* world
    const ada = sim.as("ada")
    const issue = at("cellar", 1)
    const pull = at("loft", 2)
    const id = yield* ada.comment(issue, "one")
    const review = yield* ada.review(pull, { state: "REQUEST_CHANGES", body: "No" })
    const moves = (place: typeof issue, deed: Effect.Effect<unknown>) =>
      Effect.gen(function* () {
        const time = () => sim.state.issue(place.owner, place.repo, place.number)?.updatedAt
        later()
        const before = time()
        yield* deed
        return before !== time()
      })
    const seen = yield* Effect.all([
      moves(issue, ada.comment(issue, "two")),
      moves(issue, ada.label(issue, "x")),
      moves(issue, ada.assign(issue, "bot")),
      moves(issue, ada.editTitle(issue, "Gate")),
      moves(issue, ada.editBody(issue, "Open")),
      moves(issue, ada.lock(issue)),
      moves(issue, ada.depend(issue, at("cellar", 2))),
      moves(at("cellar", 2), ada.undepend(issue, at("cellar", 2))),
      moves(issue, ada.close(issue)),
      moves(pull, ada.review(pull, { state: "COMMENT", body: "Hm" })),
      moves(pull, ada.dismiss(pull, review, "Done")),
      moves(pull, ada.askForReview(pull, "bot")),
      moves(pull, ada.push(pull, "topic")),
      moves(pull, ada.close(pull)),
      moves(pull, ada.reopen(pull)),
    ])
    expect(seen.every((one) => one)).toBe(true)
    const unseen = yield* Effect.all([
      moves(issue, ada.editComment(issue, id, "three")),
      moves(issue, ada.deleteComment(issue, id)),
      moves(issue, ada.react(issue, "eyes")),
      moves(pull, ada.check(pull, { state: "failure" })),
    ])
    expect(unseen.some((one) => one)).toBe(false)
  }),
)

it.scopedLive(
  "an issue that waits for an open one stays open when a pull request that closes it is merged",
  () =>
    Effect.gen(function* () {
      const { sim } = yield* world
      const ada = sim.as("ada")
      const pull = {
        owner: "ada",
        repo: "cellar",
        number: yield* ada.openPull(at("cellar", 1), { title: "PR", body: "Closes #1", head: "mend" }),
      }
      yield* ada.depend(at("cellar", 1), at("cellar", 2))
      yield* ada.merge(pull)
      expect(sim.state.issue("ada", "cellar", pull.number)?.pull?.mergedAt).toBeDefined()
      expect(sim.state.issue("ada", "cellar", 1)?.state).toBe("open")
    }),
)

it.scopedLive(
  "a real push to a repository of a GitServer moves its pull requests, and hooks are told who pushed",
  () =>
    Effect.gen(function* () {
      const root = yield* tempDir
      const repositories = yield* Effect.provide(GitServer.make(root), NodeProcessRunner.layer)
      yield* repositories.create("ada", "cellar", { "door.md": "open\n" })
      const sim = yield* GiteaSimulator.make(
        {
          users: [
            { login: "ada", token: "of-ada" },
            { login: "bot", token: "of-bot" },
          ],
          repos: [{ owner: "ada", name: "cellar", collaborators: { bot: "write" } }],
        },
        { mounts: [repositories.mount] },
      )
      const receiver = yield* hookReceiver
      yield* Effect.promise(() =>
        fetch(`${sim.apiUrl}/repos/ada/cellar/hooks`, {
          method: "POST",
          headers: { authorization: "token of-ada", "content-type": "application/json" },
          body: JSON.stringify({
            type: "gitea",
            config: { url: receiver.url, content_type: "json" },
            events: ["pull_request", "push", "create", "delete"],
            active: true,
          }),
        }),
      )
      const work = yield* tempDir
      const url = `${sim.url.replace("//", "//bot:of-bot@")}/ada/cellar.git`
      yield* ok(work, ["clone", "-q", url, "."])
      const first = yield* commit(work, { "new.md": "new\n" })
      yield* ok(work, ["push", "-q", "origin", "HEAD:topic"])
      yield* sim.as("bot").openPull(at("cellar", 0), { title: "PR", head: "topic" })
      const second = yield* commit(work, { "new.md": "newer\n" })
      yield* ok(work, ["push", "-q", "origin", "HEAD:topic"])
      yield* ok(work, ["push", "-q", "origin", ":topic"])
      yield* sim.webhooks.idle
      const bodies = receiver.received.map(({ headers, raw }) => ({
        type: headers["x-gitea-event-type"],
        body: JSON.parse(raw),
      }))
      expect(bodies.map(({ type }) => type)).toEqual([
        "create",
        "push",
        "pull_request",
        "push",
        "pull_request_sync",
        "delete",
      ])
      expect(bodies[1]?.body).toMatchObject({ after: first, sender: { login: "bot" } })
      expect(bodies[3]?.body).toMatchObject({ before: first, after: second, sender: { login: "bot" } })
      expect(bodies[4]?.body.pull_request.head.sha).toBe(second)
    }),
)
