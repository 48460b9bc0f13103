/** The orchestrator as `orchestrate serve` runs it, over one SQLite file, with a backend and sidecars that outlive it. */
import { Deferred, Duration, Effect, Layer, Redacted } from "effect"
import { decodeConfiguration } from "../../../src/domain/orchestrator/ConfigurationFile.ts"
import { kindWith } from "../../../src/layers/gitea/GiteaForge.ts"
import * as Forges from "../../../src/layers/forges.ts"
import * as LiveProviders from "../../../src/layers/providers/LiveProviders.ts"
import * as SqliteBottleStore from "../../../src/layers/sqlite/SqliteBottleStore.ts"
import * as SqliteForgeStateStore from "../../../src/layers/sqlite/SqliteForgeStateStore.ts"
import * as SqliteOrchestratorStores from "../../../src/layers/sqlite/SqliteOrchestratorStores.ts"
import * as Orchestrator from "../../../src/orchestrator/Orchestrator.ts"
import * as MemoryManifests from "../../../src/testing/MemoryManifests.ts"

/** Settings of a service, as plain data: another process can be given it too. Times in milliseconds. */
export interface ServiceSettings {
  /** The SQLite file. */
  readonly filename: string
  readonly apiUrl: string
  readonly token: string
  /** Secret of the hooks. */
  readonly secret: string
  /** `owner/name` of each repository that is served. */
  readonly repositories: ReadonlyArray<string>
  readonly settle?: number
  readonly closeGrace?: number
  readonly watchdog: number
  /** How many bottles may run on this machine; 50 unless given. */
  readonly running?: number
  /** Time between sweeps; 30 seconds unless given. */
  readonly sweep?: number
  /** How long the forge may take to answer; 20 minutes unless given, as the machine may be busy. */
  readonly patience?: number
}

/** The stores that outlive a service. */
export const storesOf = ({ filename }: Pick<ServiceSettings, "filename">) =>
  Layer.mergeAll(
    SqliteOrchestratorStores.layer({ filename }),
    SqliteBottleStore.layer({ filename }),
    SqliteForgeStateStore.layer({ filename }),
  )

/** Serves until the scope ends; returns the port of its webhooks. Backend and sidecars are given, as they outlive it. */
export const serve = Effect.fnUntraced(function* (settings: ServiceSettings) {
  const { apiUrl, repositories, running = 50, patience = 1_200_000 } = settings
  const times = { sweep: 30_000, settle: 60_000, closeGrace: 600_000, ...settings }
  const configuration = yield* decodeConfiguration("orchestrator.yaml", {
    forge: { api: apiUrl, token: { env: "TOKEN" } },
    repositories: Object.fromEntries(repositories.map((name) => [name, {}])),
    webhook: { secret: { env: "SECRET" } },
    listen: "127.0.0.1:0",
    limits: { running },
    ...Object.fromEntries(
      (["sweep", "settle", "closeGrace", "watchdog"] as const).map((key) => [
        key,
        `${times[key] / 1000} seconds`,
      ]),
    ),
  })
  const around = Layer.mergeAll(
    storesOf(settings),
    Forges.layer({ gitea: kindWith({ requestTimeout: Duration.millis(patience) }) }),
    LiveProviders.layer,
    MemoryManifests.layer({
      agents: { carpenter: { bottle: "plain", command: ["agent"] } },
      bottles: { plain: { image: "image", backend: "fake" } },
    }),
  )
  const listening = yield* Deferred.make<string>()
  const layer = Orchestrator.layer({
    configuration,
    secrets: { token: Redacted.make(settings.token), webhook: Redacted.make(settings.secret) },
    host: HOST,
    poll: "6 seconds",
    observe: (event) =>
      event._tag === "Serving" ? Deferred.succeed(listening, event.listening ?? "") : Effect.void,
  })
  yield* Layer.build(Layer.provide(layer, around))
  return Number((yield* Deferred.await(listening)).split(":").at(-1))
})

/** Name of the machine, in operations. */
export const HOST = "host-a"
