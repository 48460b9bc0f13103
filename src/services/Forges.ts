/** Forges can reach the forge that the FORGE_* values of a run name, before the run has a sidecar. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { ForgeConfigInvalid } from "../domain/Errors.ts"
import type { ForgeApi } from "./Forge.ts"
import type { ForgeEnv } from "./Sidecar.ts"

/** The forge of a run, as its operator sees it. */
export interface RunForge {
  readonly forge: ForgeApi
  /** The org of the bot accounts: FORGE_ORG, or its default. */
  readonly org: string
}

/** Forges can reach the forge that the FORGE_* values of a run name. */
export class Forges extends Context.Tag("bot-bottle/Forges")<
  Forges,
  {
    /** Checks all FORGE_* values of a run. Nothing is asked of the forge until a method of it is used. */
    readonly open: (forgeEnv: ForgeEnv) => Effect.Effect<RunForge, ForgeConfigInvalid>
  }
>() {}
