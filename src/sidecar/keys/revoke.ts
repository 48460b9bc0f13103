/** Revokes a deploy key at its repository, or says why it may still be there. */
import { Clock, Effect, Option } from "effect"
import { UNDER_WAY_MS, type RunKey } from "../../domain/DeployKey.ts"
import { ForgeRequestError } from "../../domain/Errors.ts"
import type { ForgeApi } from "../../services/Forge.ts"

/**
 * Done when the repository has the key no more. One of which we do not know whether it was registered is looked for by
 * its public half; that it is not there counts only when no request of ours can be under way any more.
 */
export const revoke = Effect.fnUntraced(function* (forge: ForgeApi, key: RunKey) {
  if (Option.isSome(key.id)) return yield* forge.deleteDeployKey(key.id.value)
  const found = (yield* forge.listDeployKeys).filter(({ publicKey }) => publicKey === key.publicKey)
  yield* Effect.forEach(found, ({ id }) => forge.deleteDeployKey(id), { discard: true })
  const age = (yield* Clock.currentTimeMillis) - Date.parse(key.createdAt)
  if (found.length === 0 && age < UNDER_WAY_MS)
    return yield* new ForgeRequestError({
      operation: "deleteDeployKey",
      status: 0,
      reason: "Unreachable",
      detail: "the request that registers it may still be under way: try again in two minutes",
    })
})
