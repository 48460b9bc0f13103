/** Where no webhook arrives, the sweep carries an issue through its life; where they do, those of its pull request count too. */
import { expect, it } from "@effect/vitest"
import { Effect, Option, Redacted, TestClock } from "effect"
import { ForgeState } from "../../../src/domain/ForgeState.ts"
import { IssueNumber } from "../../../src/domain/orchestrator/IssueKey.ts"
import { forPulls } from "../../../src/orchestrator/ingest/forPulls.ts"
import * as sweeping from "../../../src/orchestrator/sweep/sweep.ts"
import * as MemoryForgeStateStore from "../../../src/layers/memory/MemoryForgeStateStore.ts"
import * as MemoryLifeStores from "../../../src/layers/memory/MemoryLifeStores.ts"
import * as MemorySweepCursors from "../../../src/layers/memory/MemorySweepCursors.ts"
import { Slug } from "../../../src/domain/Slug.ts"
import { ForgeStateStore } from "../../../src/services/ForgeStateStore.ts"
import { Inbox } from "../../../src/services/Inbox.ts"
import * as actions from "../../../src/simulator/actions.ts"
import * as life from "../../support/life.ts"
import { issue, kept, makeWorld, merges, targets } from "../world.ts"

it.scoped("without any webhook an issue goes from its label to a merged pull request, by sweeps alone", () =>
  Effect.gen(function* () {
    const world = yield* makeWorld()
    const { engine } = yield* world.serve
    const { run } = yield* sweeping.make([
      {
        access: { kind: "gitea", apiUrl: issue.forge, token: Redacted.make("t") },
        forge: issue.forge,
        isListed: ({ owner, repo }) => `${owner}/${repo}` === "ada/cellar",
        listing: "ada/cellar",
        accept: yield* Effect.provide(forPulls(engine.hint), world.context),
      },
    ])
    yield* Effect.forkScoped(Effect.provide(Effect.provide(run, world.context), MemorySweepCursors.layer))
    const passes = (minutes: number) =>
      Effect.zipRight(
        Effect.replicateEffect(Effect.zipRight(TestClock.adjust("30 seconds"), engine.idle), 2 * minutes),
        engine.idle,
      )
    yield* passes(6)
    yield* targets(world)
    yield* passes(7)
    expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [1], open: 0 })
    const pull = [...world.forge.repo.issues.values()].find((it) => it.pull !== undefined)
    if (pull === undefined) return yield* Effect.die("the agent opened no pull request")
    const ada = world.forge.state.ensureUser("ada").id
    actions.comment(world.forge.state, pull, ada, "Use oak.")
    yield* passes(9)
    expect(yield* kept(world)).toMatchObject({ phase: "frozen", runs: [2], consumed: 1, open: 0 })
    expect(world.prompts[1]).toContain("Use oak.")
    yield* merges(world, pull.number)
    yield* passes(7)
    expect(yield* kept(world)).toMatchObject({ phase: "destroyed", runs: [], open: 0 })
  }),
)

it.scoped("a hint about a pull request is kept for the issue of its run too, once", () =>
  Effect.gen(function* () {
    const inbox = yield* Inbox
    const rows = yield* ForgeStateStore
    const of = (repo: string, issueNumber: number, forge = life.issue().forge) =>
      rows.upsert(
        new ForgeState({
          forge,
          owner: "Acme",
          repo,
          issueNumber,
          slug: Slug.make("mend-abcde"),
          agentName: "carpenter",
          bottleNames: [],
          backendName: "fake",
          agentGitUser: "",
          prNumber: Option.some(18),
          status: "frozen",
          lastCheckinAt: "2027-01-01T00:00:00Z",
        }),
      )
    yield* of("cellar", 17)
    yield* of("loft", 16)
    yield* of("cellar", 15, "https://other.example/api/v1")
    const accept = yield* forPulls(inbox.accept)
    const about = (name: string, number: number, isPull: boolean) =>
      life.hint(name, { issueNumber: IssueNumber.make(number), detail: { isPull } })
    expect(yield* accept(about("pull", 18, true))).toBe("accepted")
    expect(yield* accept(about("pull", 18, true))).toBe("known")
    yield* accept(about("issue", 18, false))
    yield* accept(about("other", 19, true))
    const waiting = yield* inbox.waiting({ limit: 9 })
    expect(waiting.map(({ id, repo, issueNumber }) => [id, repo, issueNumber])).toEqual([
      ["pull#17", "cellar", 17],
      ["pull", "cellar", 18],
      ["other", "cellar", 19],
    ])
    expect((yield* inbox.open(life.issue(17))).length).toBe(1)
  }).pipe(Effect.provide([MemoryLifeStores.layer, MemoryForgeStateStore.layer])),
)
