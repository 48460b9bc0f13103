/** Forges over Gitea: the forge of a run, from its FORGE_* values. */
import { Effect, Layer } from "effect"
import { Forges } from "../../services/Forges.ts"
import { make } from "./GiteaForge.ts"
import { DEFAULT_FORGE_ORG, forgeAssignment, giteaForgeConfig, withForgeEnv } from "./GiteaForgeConfig.ts"

/** The Gitea that the values name. */
export const layer: Layer.Layer<Forges> = Layer.succeed(
  Forges,
  Forges.of({
    open: (forgeEnv) =>
      Effect.gen(function* () {
        const config = yield* giteaForgeConfig
        yield* forgeAssignment
        return { forge: yield* make(config), org: config.org ?? DEFAULT_FORGE_ORG }
      }).pipe(withForgeEnv(forgeEnv)),
  }),
)
