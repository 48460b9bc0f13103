/** Revokes a deploy key at its repository, or says why it may still exist. */
import { Clock, Effect, Option } from "effect"
import { UNDER_WAY_MS, type RunKey } from "../../domain/DeployKey.ts"
import { ForgeRequestError } from "../../domain/Errors.ts"
import type { ForgeApi } from "../../services/Forge.ts"

/**
 * Completes when the repository no longer has the key. A key that may or may not be registered is searched by its public key; its
 * absence only counts when none of our requests can still be in progress.
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
      detail: "the request that registers it may still be in progress: try again in two minutes",
    })
})
