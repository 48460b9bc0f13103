/** How to test a program of your own: the fakes of `bot-bottle/testing` in place of engine, sidecar and manifests. */
import { it } from "@effect/vitest"
import { destroy, freeze, listBottles, startHeadless } from "bot-bottle"
import * as LiveProviders from "bot-bottle/LiveProviders"
import * as MemoryBottleStore from "bot-bottle/MemoryBottleStore"
import * as MemoryForgeStateStore from "bot-bottle/MemoryForgeStateStore"
import { FakeBackend, FakeSidecar, MemoryManifests } from "bot-bottle/testing"
import { Effect, Layer } from "effect"
import { expect } from "vitest"

/** The program under test: works on a list of prompts, one bottle each, and keeps those that succeed. */
const workThrough = (prompts: ReadonlyArray<string>) =>
  Effect.forEach(prompts, (prompt) =>
    startHeadless("worker", { prompt }).pipe(
      Effect.tap((slug) => freeze(slug)),
      Effect.asVoid,
      Effect.catchTag("AgentExited", ({ slug }) => destroy(slug)),
    ),
  )

it.effect("bottles of agents that fail are destroyed, the others frozen", () =>
  Effect.gen(function* () {
    const fake = yield* FakeBackend.make({
      agent: (plan, io) => Effect.as(io.print("working"), plan.prompt === "impossible" ? 1 : 0),
    })
    const layers = Layer.mergeAll(
      FakeBackend.layer(fake),
      FakeSidecar.layer,
      MemoryManifests.layer({
        agents: { worker: { bottle: "plain", command: ["agent"] } },
        bottles: { plain: { image: "any", backend: "fake" } },
      }),
      MemoryBottleStore.layer,
      MemoryForgeStateStore.layer,
      LiveProviders.layer,
    )

    const bottles = yield* Effect.provide(
      Effect.zipRight(workThrough(["easy", "impossible"]), listBottles()),
      layers,
    )
    expect(bottles.map((bottle) => [bottle.state, bottle.run])).toEqual([["frozen", 1]])
  }),
)
