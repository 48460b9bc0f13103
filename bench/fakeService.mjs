// The orchestrator in this process over a forge by HTTP, stores on SQLite, and bottles that are fakes.
import { Effect, Layer, Option, Redacted } from "effect"
import { join } from "node:path"
import * as GiteaForges from "../dist/exports/GiteaForges.js"
import * as LiveProviders from "../dist/exports/LiveProviders.js"
import * as Orchestrator from "../dist/exports/Orchestrator.js"
import * as SqliteBottleStore from "../dist/exports/SqliteBottleStore.js"
import * as SqliteForgeStateStore from "../dist/exports/SqliteForgeStateStore.js"
import * as SqliteOrchestratorStores from "../dist/exports/SqliteOrchestratorStores.js"
import { FakeBackend, FakeSidecar, MemoryManifests } from "../dist/exports/testing.js"
import { TOKEN } from "./fixtures.mjs"

/** The secret that signs the webhooks of all benchmarks. */
export const HOOK_SECRET = "bench hook secret"

/** What a service needs besides a forge: stores in a directory, and a backend that outlives it. `onStep` is called with each step of the backend. */
export const parts = (directory, onStep = () => undefined) => {
  const filename = join(directory, "bench.db")
  return Layer.mergeAll(
    GiteaForges.layer,
    Layer.unwrapEffect(
      Effect.map(
        FakeBackend.make({
          agent: () => Effect.never,
          fail: (step, slug) => Option.fromNullable(onStep(step, slug)),
        }),
        FakeBackend.layer,
      ),
    ),
    FakeSidecar.layer,
    MemoryManifests.layer({
      agents: { carpenter: { bottle: "bench", command: ["agent"] } },
      bottles: { bench: { image: "any", backend: "fake" } },
    }),
    LiveProviders.layer,
    SqliteBottleStore.layer({ filename }),
    SqliteForgeStateStore.layer({ filename }),
    SqliteOrchestratorStores.layer({ filename }),
  )
}

/** The service, over {@link parts}. */
export const service = (
  apiUrl,
  { running = 8, sweep = "1 hour", operators = {}, observe = () => undefined } = {},
) =>
  Layer.unwrapEffect(
    Effect.map(
      Orchestrator.decodeConfiguration("bench", {
        forge: { api: apiUrl, token: { env: "TOKEN" } },
        repositories: { "acme/*": {} },
        listen: "127.0.0.1:0",
        webhook: { secret: { env: "SECRET" } },
        limits: { running },
        operators: Object.fromEntries(Object.keys(operators).map((name) => [name, { token: { env: name } }])),
        sweep,
      }),
      (configuration) =>
        Orchestrator.layer({
          configuration,
          secrets: {
            token: Redacted.make(TOKEN),
            webhook: Redacted.make(HOOK_SECRET),
            at: (key) => Redacted.make(operators[key.split(".")[1]] ?? TOKEN),
          },
          observe: (event) => Effect.sync(() => observe(event)),
        }),
    ),
  )
