/** Several accounts of the bot: each serves its own repositories with its own token, and none of them steers another. */
import { expect, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule } from "effect"
import { decodeConfiguration } from "../../src/domain/orchestrator/ConfigurationFile.ts"
import * as GiteaForges from "../../src/layers/gitea/GiteaForges.ts"
import * as MemoryBottleStore from "../../src/layers/memory/MemoryBottleStore.ts"
import * as MemoryForgeStateStore from "../../src/layers/memory/MemoryForgeStateStore.ts"
import * as MemoryOrchestratorStores from "../../src/layers/memory/MemoryOrchestratorStores.ts"
import * as LiveProviders from "../../src/layers/providers/LiveProviders.ts"
import * as Orchestrator from "../../src/orchestrator/Orchestrator.ts"
import { IssueNumber } from "../../src/domain/orchestrator/IssueKey.ts"
import { Slug } from "../../src/domain/Slug.ts"
import { BottleStore } from "../../src/services/BottleStore.ts"
import { Forges } from "../../src/services/Forges.ts"
import { IssueStates } from "../../src/services/IssueStates.ts"
import * as GiteaSimulator from "../../src/simulator/GiteaSimulator.ts"
import * as FakeBackend from "../../src/testing/FakeBackend.ts"
import * as FakeSidecar from "../../src/testing/FakeSidecar.ts"
import * as MemoryManifests from "../../src/testing/MemoryManifests.ts"

const TOKENS = { bot: "0a".repeat(20), "press-bot": "0b".repeat(20) } as const
const CELLAR = { owner: "ada", repo: "cellar", number: 17 }
const PRESS = { owner: "press", repo: "ink", number: 5 }

/** Two repositories, each visible to its own account alone; sweeps find what changes. `press-bot` is in no organisation of bots there. */
const makeTeam = Effect.gen(function* () {
  const sim = yield* GiteaSimulator.make({
    users: [
      ...Object.entries(TOKENS).map(([login, token]) => ({ login, token })),
      { login: "ada" },
      { login: "eve" },
    ],
    orgs: [
      { name: "bot-bottle", members: Object.keys(TOKENS) },
      { name: "press", members: ["press-bot"], owners: ["ada"] },
    ],
    repos: [
      {
        owner: "ada",
        name: "cellar",
        private: true,
        collaborators: { bot: "write" },
        issues: [{ number: 17, title: "The door", author: "ada" }],
      },
      {
        owner: "press",
        name: "ink",
        private: true,
        collaborators: { "press-bot": "admin", ada: "admin" },
        files: {
          ".gitattributes": "*.png filter=lfs\n",
          ".gitmodules": '[submodule "font"]\n\tpath = font\n',
        },
        issues: [
          { number: 5, title: "The ink", author: "ada" },
          { number: 6, title: "The paper", author: "ada" },
        ],
      },
    ],
  })
  const sidecar = yield* FakeSidecar.make
  const { backend, plans } = yield* FakeBackend.make({
    agent: (plan) =>
      sidecar
        .push({
          version: 1,
          kind: "done",
          status: "blocked",
          summary: "What now?",
          slug: Slug.make(plan.slug),
          at: new Date().toISOString(),
        })
        .pipe(Effect.as(0), Effect.orDie),
  })
  const configuration = yield* decodeConfiguration("orchestrator.yaml", {
    forge: {
      api: sim.apiUrl,
      token: { env: "T" },
      accounts: { "Press/*": { token: { env: "P" } } },
    },
    repositories: { "ada/*": null, "press/*": null },
    settle: "100 millis",
    sweep: "300 millis",
  })
  const context = yield* Layer.build(
    Layer.mergeAll(
      FakeBackend.layer({ backend }),
      MemoryOrchestratorStores.layer,
      MemoryBottleStore.layer,
      MemoryForgeStateStore.layer,
      LiveProviders.layer,
      Layer.succeedContext(sidecar.services),
      GiteaForges.layer,
      MemoryManifests.layer({
        agents: { carpenter: { bottle: "plain", command: ["agent"] } },
        bottles: { plain: { image: "image", backend: "fake", git: { app: { forge: true } } } },
      }),
    ),
  )
  const serve = (at: (key: string) => Redacted.Redacted | undefined) =>
    Orchestrator.layer({
      configuration,
      secrets: { token: Redacted.make(TOKENS.bot), at },
      host: "host-a",
      poll: "50 millis",
    }).pipe(Layer.build, Effect.provide(context))
  const secretAt = (key: string) =>
    key === "forge.accounts.Press/*.token" ? Redacted.make(TOKENS["press-bot"]) : undefined
  const stateOf = ({ owner, repo, number }: typeof CELLAR) =>
    Effect.flatMap(IssueStates, (states) =>
      states.get({ forge: sim.apiUrl, owner, repo, issueNumber: IssueNumber.make(number) }),
    ).pipe(
      Effect.map((found) => (found._tag === "Some" ? found.value : undefined)),
      Effect.provide(context),
    )
  const until = (
    place: typeof CELLAR,
    is: (row: Effect.Effect.Success<ReturnType<typeof stateOf>>) => boolean,
  ) =>
    stateOf(place).pipe(
      Effect.repeat({ until: is, schedule: Schedule.spaced("50 millis") }),
      Effect.timeout("40 seconds"),
    )
  const target = (place: typeof CELLAR, bot: string) =>
    Effect.zipRight(sim.as("ada").label(place, "bot-bottle:carpenter"), sim.as("ada").assign(place, bot))
  return { sim, sidecar, context, plans, serve, secretAt, stateOf, until, target }
})

it.scopedLive(
  "each repository is swept, read and worked on with the token of its account, and the bots do not steer each other",
  () =>
    Effect.gen(function* () {
      const { sim, sidecar, context, plans, serve, secretAt, stateOf, until, target } = yield* makeTeam
      yield* serve(secretAt)
      yield* target(CELLAR, "bot")
      yield* target(PRESS, "press-bot")
      // The account of another repository is no assignee here.
      yield* target({ ...PRESS, number: 6 }, "bot")
      yield* until(CELLAR, (row) => row?.state.phase === "frozen")
      yield* until(PRESS, (row) => row?.state.phase === "frozen")
      const launched = sidecar.launches.map(({ forge }) => [
        forge?.target.repo,
        forge === undefined ? "" : Redacted.value(forge.target.token),
        [...(forge?.assignment.bots ?? [])].toSorted(),
      ])
      const bots = ["bot", "press-bot"]
      expect(launched.toSorted()).toEqual([
        ["cellar", TOKENS.bot, bots],
        ["ink", TOKENS["press-bot"], bots],
      ])
      const wrong = sim.requests.filter(
        ({ path, user }) =>
          (path.includes("repos/ada/cellar") && user !== "bot") ||
          (path.includes("repos/press/ink") && user !== "press-bot"),
      )
      expect(wrong).toEqual([])
      // Another bot that may write, in no organisation of bots: still not trusted, here or in the sidecar.
      sim.state.orgs.find(({ name }) => name === "bot-bottle")?.members.delete("bot")
      sim.state.repo("press", "ink")?.collaborators.set("bot", "admin")
      yield* sim.as("bot").comment(PRESS, "/approve and paint it green")
      yield* sim.as("ada").comment(PRESS, "In black.")
      yield* until(PRESS, (row) => row?.state.consumed.length === 1 && row.state.phase === "frozen")
      const config = sidecar.launches.find(({ forge }) => forge?.target.repo === "ink")?.forge
      if (config === undefined) return yield* Effect.dieMessage("no launch")
      const seen = yield* Effect.flatMap(Forges, ({ of }) => of(config.target, config.assignment)).pipe(
        Effect.flatMap(({ readComments }) => readComments(5)),
        Effect.provide(context),
      )
      expect(seen.map(({ user, authorTrusted }) => [user, authorTrusted])).toEqual([
        ["bot", false],
        ["ada", true],
      ])
      expect(sidecar.launches.filter(({ forge }) => forge?.target.repo === "ink").length).toBe(2)
      // What is not in its clone is known to its agent, in each run.
      for (const { slug, prompt = "" } of yield* plans) {
        const repo = sidecar.launches.find((launched) => launched.slug === slug)?.forge?.target.repo
        const missing = ["It uses git-lfs", "It has submodules"].filter((text) => prompt.includes(text))
        expect([repo, missing.length]).toEqual([repo, repo === "ink" ? 2 : 0])
      }
      const rows = yield* Effect.flatMap(BottleStore, ({ all }) => all).pipe(Effect.provide(context))
      expect(rows.map(({ spec }) => spec.missing).toSorted((a, b) => a.length - b.length)).toEqual([
        [],
        ["git-lfs", "submodules"],
      ])
      expect((yield* stateOf({ ...PRESS, number: 6 }))?.state.live ?? false).toBe(false)
    }),
  90_000,
)

it.scopedLive("an account whose token was not given serves nothing with another's", () =>
  Effect.gen(function* () {
    const { serve } = yield* makeTeam
    const failed = yield* Effect.flip(serve(() => undefined))
    expect(failed.message).toContain("forge.accounts.Press/*.token")
  }),
)
