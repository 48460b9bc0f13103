/** The orchestrator as a whole, put together of its parts: engine, webhook listener and sweep over one SQLite file. */
import { Context, Effect, Layer, Option, Redacted, type Scope } from "effect"
import type { DurationInput } from "effect/Duration"
import { defaultLife } from "../../../src/domain/orchestrator/LifeSettings.ts"
import { HostName } from "../../../src/domain/orchestrator/StoredOperation.ts"
import { kindWith } from "../../../src/layers/gitea/GiteaForge.ts"
import * as Forges from "../../../src/layers/forges.ts"
import * as LiveProviders from "../../../src/layers/providers/LiveProviders.ts"
import * as SqliteBottleStore from "../../../src/layers/sqlite/SqliteBottleStore.ts"
import * as SqliteForgeStateStore from "../../../src/layers/sqlite/SqliteForgeStateStore.ts"
import * as SqliteHomeLease from "../../../src/layers/sqlite/SqliteHomeLease.ts"
import * as SqliteSweepCursors from "../../../src/layers/sqlite/SqliteSweepCursors.ts"
import * as LocalLifeCycleEngine from "../../../src/orchestrator/engine/LocalLifeCycleEngine.ts"
import { forPulls } from "../../../src/orchestrator/ingest/forPulls.ts"
import { listedBy } from "../../../src/orchestrator/ingest/webhook.ts"
import * as WebhookListener from "../../../src/orchestrator/ingest/WebhookListener.ts"
import { ServedRepositories, type ServedRepository } from "../../../src/orchestrator/ServedRepositories.ts"
import * as sweeping from "../../../src/orchestrator/sweep/sweep.ts"
import type { Backends } from "../../../src/services/Backends.ts"
import { LifeCycleEngine } from "../../../src/services/LifeCycleEngine.ts"
import type { SidecarServices } from "../../../src/services/SidecarServices.ts"
import * as MemoryManifests from "../../../src/testing/MemoryManifests.ts"
import { stores } from "../../support/lifeStores.ts"

/** What a service is told. Plain data: another process can be told it too. */
export interface ServiceSettings {
  /** The SQLite file. */
  readonly filename: string
  readonly apiUrl: string
  readonly token: string
  /** Secret of the hooks. */
  readonly secret: string
  /** `owner/name` of each repository that is served. */
  readonly repositories: ReadonlyArray<string>
  readonly life?: Partial<ServedRepository["life"]>
  /** How many bottles may run on this machine; 50 unless given. */
  readonly running?: number
  /** Time between sweeps; 30 seconds unless given. */
  readonly sweep?: DurationInput
  /** How long the forge may take to answer; 20 minutes unless given, as the machine may be busy. */
  readonly patience?: DurationInput
}

/** A service that runs. */
export interface Service {
  readonly engine: Context.Tag.Service<LifeCycleEngine>
  readonly port: number
  readonly sweeps: Effect.Effect<sweeping.SweepStatus>
}

/** The repository of that name, as it is served. */
const servedAs = (settings: ServiceSettings, name: string): ServedRepository => {
  const [owner = "", repo = ""] = name.split("/")
  return {
    target: {
      kind: "gitea",
      apiUrl: settings.apiUrl,
      token: Redacted.make(settings.token),
      owner,
      repo,
    },
    life: { ...defaultLife, ...settings.life },
  }
}

/** The stores that outlive a service. */
export const storesOf = ({ filename }: Pick<ServiceSettings, "filename">) =>
  Layer.mergeAll(
    stores({ filename }),
    SqliteHomeLease.layer({ filename }),
    SqliteSweepCursors.layer({ filename }),
    SqliteBottleStore.layer({ filename }),
    SqliteForgeStateStore.layer({ filename }),
  )

/** Serves until the scope ends; backend and sidecars are given, as they outlive it. */
export const serve = (
  settings: ServiceSettings,
): Effect.Effect<Service, unknown, Scope.Scope | Backends | SidecarServices> =>
  Effect.gen(function* () {
    const {
      repositories,
      running = 50,
      sweep = "30 seconds",
      patience = "20 minutes",
      apiUrl,
      secret,
    } = settings
    const find = ({ owner, repo }: { readonly owner: string; readonly repo: string }) =>
      Option.map(
        Option.fromNullable(
          repositories.find((name) => name.toLowerCase() === `${owner}/${repo}`.toLowerCase()),
        ),
        (name) => servedAs(settings, name),
      )
    const around = Layer.mergeAll(
      storesOf(settings),
      Forges.layer({ gitea: kindWith({ requestTimeout: patience }) }),
      LiveProviders.layer,
      MemoryManifests.layer({
        agents: { carpenter: { bottle: "plain", command: ["agent"] } },
        bottles: { plain: { image: "image", backend: "fake" } },
      }),
      Layer.succeed(ServedRepositories, { find, running }),
    )
    const engine = LocalLifeCycleEngine.layer({ host: HostName.make("host-a"), poll: "6 seconds" })
    const context = yield* Layer.build(Layer.provideMerge(engine, around))
    return yield* Effect.gen(function* () {
      const engine = Context.get(context, LifeCycleEngine)
      const accept = yield* forPulls(engine.hint)
      const isListed = listedBy(Context.get(context, ServedRepositories))
      const port = yield* WebhookListener.listen({
        secret: Redacted.make(secret),
        forge: apiUrl,
        isListed,
        accept,
        host: "127.0.0.1",
        port: 0,
      })
      const sweeps = yield* sweeping.make({
        access: { kind: "gitea", apiUrl, token: Redacted.make(settings.token) },
        forge: apiUrl,
        isListed,
        listing: repositories.join(),
        accept,
        every: sweep,
      })
      yield* Effect.forkScoped(sweeps.run)
      return { engine, port, sweeps: sweeps.status }
    }).pipe(Effect.provide(context))
  })
