/** `orchestrate serve`: the orchestrator over all live layers, with its configuration. */
import { Effect, Layer, Option } from "effect"
import { ConfigurationInvalid } from "../../domain/Errors.ts"
import type { Configuration } from "../../domain/orchestrator/Configuration.ts"
import { unkept } from "../../domain/orchestrator/unkept.ts"
import { Home } from "../../layers/home/Home.ts"
import { readConfiguration } from "../../layers/manifests/configuration.ts"
import { packageFile } from "../../layers/home/packageRoot.ts"
import * as NodeProcessRunner from "../../layers/process/NodeProcessRunner.ts"
import * as LiveSecrets from "../../layers/secrets/LiveSecrets.ts"
import * as SqliteOrchestratorStores from "../../layers/sqlite/SqliteOrchestratorStores.ts"
import { keepHeapSmall } from "../../orchestrator/keepHeapSmall.ts"
import { keepSecrets } from "../../orchestrator/keepSecrets.ts"
import { run } from "../../orchestrator/Orchestrator.ts"
import type { Observe } from "../../orchestrator/telling.ts"
import { live } from "./live.ts"
import { otlpSettings } from "./otlpSettings.ts"

/** Serves until it is interrupted. */
export const serve = Effect.fn("serve")(
  function* ({ config, observe }: { readonly config: Option.Option<string>; readonly observe: Observe }) {
    const { root } = yield* Home
    const read = yield* readConfiguration(config, process.env)
    const { file, configuration } = yield* Effect.mapError(
      read,
      () =>
        new ConfigurationInvalid({
          problems: [
            {
              file: `${root}/orchestrator.yaml`,
              key: "",
              expected:
                "no such file: write one (docs/orchestrator.md shows how), or name another with --config",
            },
          ],
        }),
    )
    yield* requireKept(file, configuration)
    yield* keepHeapSmall
    const secrets = yield* keepSecrets(file, configuration)
    const tracer = yield* tracing
    return yield* Effect.provide(
      run({
        configuration,
        secrets,
        observe,
        dashboard: packageFile("dist", "dashboard"),
        ...(Option.isSome(tracer) && { tracer: tracer.value }),
      }),
      stores,
    )
  },
  Effect.scoped,
  Effect.provide(LiveSecrets.layer.pipe(Layer.provide(NodeProcessRunner.layer))),
)

/** What sends traces is loaded only when a collector is configured. */
const tracing = Effect.suspend(() => otlpSettings(process.env)).pipe(
  Effect.flatMap(
    Effect.transposeMapOption((settings) =>
      Effect.flatMap(
        Effect.promise(() => import("./otlp.ts")),
        ({ otlpTracer }) => otlpTracer(settings),
      ),
    ),
  ),
)

const stores = Layer.merge(live, SqliteOrchestratorStores.layer())

const requireKept = Effect.fnUntraced(function* (file: string, configuration: Configuration) {
  const refused = unkept(configuration)
  if (refused.length === 0) return
  return yield* new ConfigurationInvalid({
    problems: refused.map((key) => ({ file, key, expected: "this version does not support it: remove it" })),
  })
})
