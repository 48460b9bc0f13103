/**
 * The orchestrator in a process of your own, over a forge, backends and stores of your choice. It serves the repositories that
 * REPOSITORIES names (`acme/cellar`, or `acme/*`) on the forge of FORGE_API with the token FORGE_TOKEN, until it is interrupted.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Backends from "bot-bottle/Backends"
import * as DockerBackend from "bot-bottle/DockerBackend"
import * as FileManifests from "bot-bottle/FileManifests"
import * as GiteaForges from "bot-bottle/GiteaForges"
import * as HostBackend from "bot-bottle/HostBackend"
import * as LiveProviders from "bot-bottle/LiveProviders"
import * as NodeProcessRunner from "bot-bottle/NodeProcessRunner"
import * as Orchestrator from "bot-bottle/Orchestrator"
import * as SidecarProcess from "bot-bottle/SidecarProcess"
import * as SqliteBottleStore from "bot-bottle/SqliteBottleStore"
import * as SqliteForgeStateStore from "bot-bottle/SqliteForgeStateStore"
import * as SqliteOrchestratorStores from "bot-bottle/SqliteOrchestratorStores"
import { Config, Effect, Layer } from "effect"
import { pathToFileURL } from "node:url"

/** The service; a test gives it fakes. */
export const service = Effect.gen(function* () {
  const token = yield* Config.redacted("FORGE_TOKEN")
  const configuration = yield* Orchestrator.decodeConfiguration("examples/orchestrator.ts", {
    forge: { api: yield* Config.string("FORGE_API"), token: { env: "FORGE_TOKEN" } },
    repositories: { [yield* Config.string("REPOSITORIES")]: {} },
    sweep: "1 minute",
  })
  const observe: Orchestrator.Observe = (event) => Effect.logInfo(JSON.stringify(event))
  return Orchestrator.layer({ configuration, secrets: { token }, observe })
}).pipe(Layer.unwrapEffect)

const parts = Layer.mergeAll(
  GiteaForges.layer,
  Backends.layer({ docker: DockerBackend.make, host: HostBackend.make }),
  Layer.mergeAll(FileManifests.layer, LiveProviders.layer, SidecarProcess.layer),
  Layer.merge(SqliteBottleStore.layer(), SqliteForgeStateStore.layer()),
  SqliteOrchestratorStores.layer(),
).pipe(Layer.provide(NodeProcessRunner.layer))

// Run, not imported.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  NodeRuntime.runMain(Layer.launch(Layer.provide(service, parts)))
