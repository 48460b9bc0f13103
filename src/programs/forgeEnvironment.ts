/** forgeEnvironment: what FORGE_* variables say of an orchestrated run, read with Config. No other run reads them. */
import { Config, Effect, Option } from "effect"
import type { AssignedForge } from "../domain/Assignment.ts"
import { forgeAddress } from "../domain/ForgeAddress.ts"
import type { ForgeStateKey } from "../domain/ForgeState.ts"
import type { ForgeEnv } from "../services/ForgeEnv.ts"
import { Forges } from "../services/Forges.ts"

/** The forge that the current ConfigProvider names, and the key of the issue's row. */
export const forgeEnvironment = Effect.gen(function* () {
  const forge = yield* (yield* Forges).variables.assigned
  return { forge, key: keyOf(forge) }
})

const keyOf = ({ target, assignment }: AssignedForge): ForgeStateKey => ({
  forge: Option.getOrElse(forgeAddress(target.apiUrl), () => target.apiUrl),
  owner: target.owner,
  repo: target.repo,
  issueNumber: assignment.issueNumber,
})

/** The variables of a forge and its token, as far as they are set: what `gc` revokes left deploy keys with. */
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
