/**
 * forgeEnvironment: the forge of an orchestrated run, from values or from FORGE_* variables by Config. Other runs never read these
 * variables.
 */
import { Config, Effect, Option } from "effect"
import type { AssignedForge } from "../domain/Assignment.ts"
import { forgeAddress } from "../domain/ForgeAddress.ts"
import type { ForgeStateKey } from "../domain/ForgeState.ts"
import type { ForgeEnv } from "../services/ForgeEnv.ts"
import { Forges } from "../services/Forges.ts"
import { validated } from "./assignedForge.ts"

/** The forge given as values, or else the one that the current ConfigProvider names, and the key of the issue's row. */
export const forgeEnvironment = Effect.fn("forgeEnvironment")(function* (given: AssignedForge | undefined) {
  const forge = yield* given === undefined ? (yield* Forges).variables.assigned : validated(given)
  return { forge, key: keyOf(forge) }
})

const keyOf = ({ target, assignment }: AssignedForge): ForgeStateKey => ({
  forge: Option.getOrElse(forgeAddress(target.apiUrl), () => target.apiUrl),
  owner: target.owner,
  repo: target.repo,
  issueNumber: assignment.issueNumber,
})

/** The variables for a forge and its token, if they are set. `gc` uses them to revoke deploy keys. */
export const forgeAccess: Effect.Effect<ForgeEnv> = Effect.gen(function* () {
  const api = yield* Config.option(Config.string("FORGE_GITEA_API"))
  const file = yield* Config.option(Config.string("FORGE_GITEA_TOKEN_FILE"))
  const token = yield* Config.option(Config.redacted("FORGE_GITEA_TOKEN"))
  return {
    ...(Option.isSome(api) && { FORGE_GITEA_API: api.value }),
    ...(Option.isSome(file) && { FORGE_GITEA_TOKEN_FILE: file.value }),
    ...(Option.isSome(token) && { FORGE_GITEA_TOKEN: token.value }),
  }
}).pipe(Effect.orElseSucceed(() => ({})))
