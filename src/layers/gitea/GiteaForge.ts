/** GiteaForge speaks to one repository on a Gitea over its REST API. */
import { Effect, Layer } from "effect"
import { type ForgeConfigInvalid, ForgeRequestError } from "../../domain/Errors.ts"
import { Forge, type ForgeApi } from "../../services/Forge.ts"
import { type GiteaForgeConfig, giteaForgeConfig } from "./GiteaForgeConfig.ts"

/** The forge of that repository. Nothing is asked of it until a method is used. */
export const make = (config: GiteaForgeConfig): Effect.Effect<ForgeApi> =>
  Effect.dieMessage(`not built yet: ${ForgeRequestError.name} ${config.owner}`)

/** The forge of that repository. */
export const layer = (config: GiteaForgeConfig): Layer.Layer<Forge> => Layer.effect(Forge, make(config))

/** The forge that the FORGE_* variables name. */
export const layerConfig: Layer.Layer<Forge, ForgeConfigInvalid> = Layer.effect(
  Forge,
  Effect.flatMap(giteaForgeConfig, make),
)
