/** The service of orchestrator.ts over a simulated Gitea, a fake backend and stores in memory: no engine, and no file. */
import { it } from "@effect/vitest"
import type { BottlePlan } from "bot-bottle"
import * as GiteaForges from "bot-bottle/GiteaForges"
import * as LiveProviders from "bot-bottle/LiveProviders"
import * as MemoryBottleStore from "bot-bottle/MemoryBottleStore"
import * as MemoryForgeStateStore from "bot-bottle/MemoryForgeStateStore"
import * as MemoryOrchestratorStores from "bot-bottle/MemoryOrchestratorStores"
import { LifeCycleEngine } from "bot-bottle/Orchestrator"
import { FakeBackend, FakeSidecar, GiteaSimulator, MemoryManifests } from "bot-bottle/testing"
import { ConfigProvider, Deferred, Effect, Layer, Logger, LogLevel } from "effect"
import { expect } from "vitest"
import { service } from "./orchestrator.ts"

const TOKEN = "0123456789abcdef0123456789abcdef01234567"

it.scopedLive(
  "an issue that is labelled and assigned gets a bottle, another gets none",
  () =>
    Effect.gen(function* () {
      const gitea = yield* GiteaSimulator.make({
        users: [{ login: "bot", token: TOKEN }],
        orgs: [{ name: "bot-bottle", members: ["bot"] }],
        repos: [
          {
            owner: "ada",
            name: "cellar",
            collaborators: { bot: "write" },
            issues: [
              { number: 16, title: "Not for the bot" },
              { number: 17, title: "The door does not close" },
            ],
          },
        ],
      })
      const issue = { owner: "ada", repo: "cellar", number: 17 }
      const ada = gitea.as("ada")
      yield* ada.label(issue, "bot-bottle:carpenter")
      yield* ada.assign(issue, "bot")

      const launched = yield* Deferred.make<BottlePlan>()
      const engine = yield* FakeBackend.make({
        agent: (plan) => Effect.zipRight(Deferred.succeed(launched, plan), Effect.never),
      })
      const parts = Layer.mergeAll(
        GiteaForges.layer,
        FakeBackend.layer(engine),
        MemoryManifests.layer({
          agents: { carpenter: { bottle: "bench", command: ["agent"] } },
          bottles: { bench: { image: "any", backend: "fake" } },
        }),
        LiveProviders.layer,
        FakeSidecar.layer,
        MemoryBottleStore.layer,
        MemoryForgeStateStore.layer,
        MemoryOrchestratorStores.layer,
      )
      const variables = { FORGE_API: gitea.apiUrl, FORGE_TOKEN: TOKEN, REPOSITORIES: "ada/*" }
      yield* Effect.gen(function* () {
        const plan = yield* Deferred.await(launched)
        expect(plan.prompt).toContain("The door does not close")
        yield* (yield* LifeCycleEngine).idle
        expect(yield* engine.plans).toEqual([plan])
      }).pipe(
        Effect.provide(Layer.provide(service, parts)),
        Logger.withMinimumLogLevel(LogLevel.None),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)))),
      )
    }),
  60_000,
)
