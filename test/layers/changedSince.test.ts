/** What changed on a forge since a time: the same of every kind, and what only a forge over HTTP can do wrong. */
import { describe, expect, it } from "@effect/vitest"
import { Array as Arr, Chunk, Effect, Layer, Redacted, type Scope, Stream } from "effect"
import type { ForgeAccess } from "../../src/domain/ForgeTarget.ts"
import type { ChangedIssue, ForgeChanges } from "../../src/domain/ForgeChanges.ts"
import * as LiveForges from "../../src/layers/forges.ts"
import * as GiteaForges from "../../src/layers/gitea/GiteaForges.ts"
import { Forges } from "../../src/services/Forges.ts"
import * as actions from "../../src/simulator/actions.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import type { SeedRepo } from "../../src/simulator/seed.ts"
import type { GiteaState, SimIssue } from "../../src/simulator/state.ts"
import * as FakeForge from "../../src/testing/FakeForge.ts"
import { recorded } from "../support/recorded.ts"

const TOKEN = "0123456789abcdef0123456789abcdef01234567"
/** Some hours off the clock of this machine. */
const START = Date.parse("2026-11-28T12:00:00Z")

const cellar: SeedRepo = {
  owner: "ada",
  name: "cellar",
  issues: [
    { number: 1, title: "Door", labels: ["bot-bottle:carpenter", "x"] },
    { number: 2, title: "Wall", state: "closed" },
  ],
}
const others: ReadonlyArray<SeedRepo> = [
  { owner: "ada", name: "loft", issues: [{ title: "Dust" }], pulls: [{ title: "PR", head: "topic" }] },
  { owner: "eve", name: "safe", private: true, issues: [{ title: "Gold" }] },
]

interface Tested {
  readonly state: GiteaState
  readonly clock: { now: number }
  readonly read: (since?: number) => Stream.Stream<ForgeChanges, { readonly _tag: string }>
}

const reading = (forges: Layer.Layer<Forges>, apiUrl: string): Tested["read"] => {
  const access: ForgeAccess = { kind: "gitea", apiUrl, token: Redacted.make(TOKEN) }
  return (since) =>
    Stream.unwrap(Effect.map(Forges, ({ changedSince }) => changedSince(access, since))).pipe(
      Stream.provideLayer(forges),
    )
}

const overHttp = Effect.gen(function* () {
  const clock = { now: START }
  const sim = yield* GiteaSimulator.make({
    now: () => clock.now,
    users: [{ login: "bot", token: TOKEN }],
    repos: [cellar, ...others],
  })
  return { sim, state: sim.state, clock, read: reading(GiteaForges.layer, sim.apiUrl) }
})

const inMemory = Effect.gen(function* () {
  const clock = { now: START }
  const { owner, name, ...seed } = cellar
  const fake = yield* FakeForge.make({ ...seed, owner, repo: name, now: () => clock.now })
  for (const repo of others) fake.state.addRepo(repo)
  return {
    fake,
    state: fake.state,
    clock,
    read: reading(FakeForge.forges(fake), "http://git.example/api/v1"),
  }
})

const issueOf = (state: GiteaState, owner: string, repo: string, number: number): SimIssue => {
  const found = state.issue(owner, repo, number)
  if (found === undefined) throw new Error(`there is no ${owner}/${repo}#${number}`)
  return found
}

const all = <E>(parts: Stream.Stream<ForgeChanges, E>) =>
  Effect.map(Stream.runCollect(parts), (found) => {
    const read = Chunk.toReadonlyArray(found)
    return { forgeTime: read[0]?.forgeTime, changes: read.flatMap(({ changes }) => changes) }
  })
const names = (changes: ReadonlyArray<ChangedIssue>) =>
  [...new Set(changes.map(({ owner, repo, number }) => `${owner}/${repo}#${number}`))].sort()

const contract = (name: string, make: Effect.Effect<Tested, never, Scope.Scope>) =>
  describe(`${name} says what changed`, () => {
    it.scopedLive("in every repository that the token sees, inclusive, by its own clock", () =>
      Effect.gen(function* () {
        const { state, clock, read } = yield* make
        clock.now = START + 60_000
        actions.comment(state, issueOf(state, "ada", "cellar", 2), 1, "Still there.")
        actions.comment(state, issueOf(state, "ada", "loft", 2), 1, "Nice.")
        actions.comment(state, issueOf(state, "eve", "safe", 1), 1, "Secret.")
        clock.now = START + 90_500
        const found = yield* all(read(START + 60_999))
        expect(found.forgeTime).toBe(START + 90_000)
        expect(names(found.changes)).toEqual(["ada/cellar#2", "ada/loft#2"])
        expect(found.changes.find(({ repo }) => repo === "loft")).toEqual({
          owner: "ada",
          repo: "loft",
          number: 2,
          isPull: true,
          state: "open",
          labels: [],
          updatedAt: START + 60_000,
        })
        expect(found.changes.find(({ repo }) => repo === "cellar")).toMatchObject({ state: "closed" })
        // Nothing changed, and the clock comes all the same.
        expect(yield* all(read(START + 61_000))).toEqual({ forgeTime: START + 90_000, changes: [] })
      }),
    )

    it.scopedLive("without a time: all that is open, with its labels", () =>
      Effect.gen(function* () {
        const { read } = yield* make
        const { changes } = yield* all(read())
        expect(names(changes)).toEqual(["ada/cellar#1", "ada/loft#1", "ada/loft#2"])
        expect(changes.find(({ repo }) => repo === "cellar")).toMatchObject({
          isPull: false,
          labels: ["bot-bottle:carpenter", "x"],
        })
      }),
    )

    it.scopedLive("over many pages, whatever is new or old", () =>
      Effect.gen(function* () {
        const { state, clock, read } = yield* make
        const repo = issueOf(state, "ada", "cellar", 1).repo
        for (const number of Arr.range(100, 249)) state.addIssue(repo, { number, title: "many" })
        clock.now = START + 60_000
        // The list has the newest that was made first: a page of old changes may have new ones behind it.
        actions.comment(state, issueOf(state, "ada", "cellar", 1), 1, "Still there.")
        actions.comment(state, issueOf(state, "ada", "cellar", 249), 1, "Here.")
        expect(names((yield* all(read(START + 60_000))).changes)).toEqual(["ada/cellar#1", "ada/cellar#249"])
        expect(names((yield* all(read(START))).changes).length).toBe(154)
      }),
    )
  })

contract("Gitea over HTTP", overHttp)
contract("FakeForge", inMemory)

describe("Gitea over HTTP", () => {
  it.scopedLive("misses nothing when entries vanish while the pages are read", () =>
    Effect.gen(function* () {
      const { state, read } = yield* overHttp
      const { repo } = issueOf(state, "ada", "cellar", 1)
      for (const number of Arr.range(100, 219)) state.addIssue(repo, { number, title: "many" })
      let parts = 0
      const { changes } = yield* all(
        Stream.tap(read(START), () =>
          Effect.sync(() => {
            parts += 1
            // Made last, so listed first: all others move forward.
            if (parts === 1) for (const number of Arr.range(190, 219)) repo.issues.delete(number)
          }),
        ),
      )
      expect(names(changes)).toEqual(expect.arrayContaining(Arr.makeBy(90, (n) => `ada/cellar#${n + 100}`)))
    }),
  )

  it.scopedLive("fails when the list does not end", () =>
    Effect.gen(function* () {
      const { sim, read } = yield* overHttp
      const body = JSON.stringify([
        { number: 1, updated_at: "2026-11-28T12:00:00Z", repository: { full_name: "ada/cellar" } },
      ])
      sim.failNext({ kind: "status", status: 200, body, times: 99 })
      expect(yield* Effect.flip(all(read(START)))).toMatchObject({ reason: "Malformed" })
      expect(sim.requests.length).toBe(2)
    }),
  )

  it.scopedLive("leaves out what it cannot name, and goes past a page that is empty of it", () =>
    Effect.gen(function* () {
      const { sim, read } = yield* overHttp
      const of = (full_name: string | null, number: number | null, updated_at: string | null) => ({
        number,
        updated_at,
        repository: full_name === null ? null : { full_name },
        labels: [null],
      })
      const time = "2026-11-28T13:00:00+01:00"
      const pages = [
        [
          null,
          of(null, 1, time),
          of("ada", 1, time),
          of("ada/cellar", null, time),
          of("ada/cellar", 1, null),
        ],
        null,
        [of("ada/cellar", 7, time)],
        [],
        [],
      ]
      for (const page of pages) sim.failNext({ kind: "status", status: 200, body: JSON.stringify(page) })
      const { changes } = yield* all(read(START))
      expect(changes).toMatchObject([
        { owner: "ada", repo: "cellar", number: 7, updatedAt: START, labels: [] },
      ])
      expect(sim.requests[0]?.path).toBe(
        "/repos/issues/search?state=all&since=2026-11-28T12%3A00%3A00Z&page=1&limit=50",
      )
    }),
  )

  it.scopedLive("reads what a real Gitea answers", () =>
    Effect.gen(function* () {
      const { sim, read } = yield* overHttp
      const real = recorded.filter(
        ({ path, truncated }) => path.includes("/repos/issues/search?since=") && truncated === undefined,
      )
      expect(real.length).toBeGreaterThan(0)
      for (const { answer, headers } of real) {
        const entries = JSON.parse(answer) as ReadonlyArray<{
          readonly number: number
          readonly repository: { readonly full_name: string }
        }>
        sim.failNext({
          kind: "status",
          status: 200,
          body: answer,
          headers: { ...headers, "x-total-count": String(entries.length) },
        })
        const { changes } = yield* all(read(START))
        expect(names(changes)).toEqual(
          entries.map(({ number, repository }) => `${repository.full_name}#${number}`).sort(),
        )
        expect(changes.every(({ updatedAt }) => updatedAt > Date.parse("2026-01-01"))).toBe(true)
      }
    }),
  )

  it.scopedLive("tells a token that is refused, and no token in what it says", () =>
    Effect.gen(function* () {
      const { sim, read } = yield* overHttp
      sim.failNext({ kind: "status", status: 401 })
      const error = yield* Effect.flip(all(read(START)))
      expect(error).toMatchObject({ _tag: "ForgeRequestError", reason: "Unauthorized" })
      expect(JSON.stringify(error)).not.toContain(TOKEN)
    }),
  )
})

it.effect("a kind of forge that cannot be asked what changed says so", () =>
  Effect.gen(function* () {
    const { forge } = yield* FakeForge.make()
    const village = LiveForges.layer({ village: { make: () => Effect.succeed(forge), webUrl: (url) => url } })
    const ask = (kind: string) =>
      Effect.flatMap(Forges, ({ changedSince }) =>
        Stream.runDrain(
          changedSince({ kind, apiUrl: "https://git.example", token: Redacted.make(TOKEN) }, undefined),
        ),
      ).pipe(Effect.flip, Effect.provide(village))
    expect(yield* ask("village")).toMatchObject({ message: expect.stringContaining("only webhooks") })
    expect(yield* ask("gitea")).toMatchObject({ message: expect.stringContaining("known are village") })
  }),
)
