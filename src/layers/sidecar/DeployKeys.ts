/** DeployKeys over a home's ledger: keys that no sidecar uses any more, each revoked with a token that is given later. */
import { Effect, Layer } from "effect"
import { isSameForge, type RunKey } from "../../domain/DeployKey.ts"
import { ForgeConfigInvalid, type ForgeRequestError, SidecarError } from "../../domain/Errors.ts"
import { type ForgeAccess, atRepository } from "../../domain/ForgeTarget.ts"
import { DeployKeys } from "../../services/DeployKeys.ts"
import { Forges, type ForgesApi } from "../../services/Forges.ts"
import * as Processes from "../process/ProcessIdentity.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { unlinkIfThere } from "../../files/files.ts"
import { leftEntries, strike } from "../../sidecar/keys/KeyLedger.ts"
import { revoke } from "../../sidecar/keys/revoke.ts"
import { fileFailed } from "./fileFailed.ts"

const make = (home: HomeShape, forges: ForgesApi): typeof DeployKeys.Service => {
  const left = Effect.provide(leftEntries(home.keyLedger), Processes.layer).pipe(
    fileFailed("*", "reading which deploy keys there are"),
  )
  return {
    leftKeys: Effect.withSpan(
      Effect.map(left, (all) => all.map(({ key }) => key)),
      "DeployKeys.leftKeys",
    ),
    revokeKey: Effect.fn("DeployKeys.revokeKey")(function* (key: RunKey, access: ForgeAccess) {
      const entry = (yield* left).find((candidate) => candidate.key.name === key.name)
      // Another process has revoked it, or it is in use after all.
      if (entry === undefined) return
      const forge = yield* forges.of(yield* targetOf(entry.key, access))
      yield* revokeBounded(forge, entry.key)
      yield* Effect.zipRight(unlinkIfThere(entry.privateFile), strike(home.keyLedger, entry.key.name)).pipe(
        fileFailed(key.slug, "forgetting a deploy key"),
      )
    }),
  }
}

/** The deploy keys of a home, revoked at the provided kinds of forge. */
export const layer: Layer.Layer<DeployKeys, never, Forges> = Layer.effect(
  DeployKeys,
  Effect.gen(function* () {
    return make(yield* Home, yield* Forges)
  }),
)

const LIMIT = "20 seconds"

const revokeBounded = (
  forge: Parameters<typeof revoke>[0],
  key: RunKey,
): Effect.Effect<void, ForgeRequestError | SidecarError> =>
  Effect.timeoutFail(Effect.interruptible(revoke(forge, key)), {
    duration: LIMIT,
    onTimeout: () =>
      new SidecarError({
        slug: key.slug,
        operation: "revoking a deploy key",
        reason: `the forge at ${key.apiUrl} did not answer within ${LIMIT}: try again later`,
      }),
  })

/** A token is only sent to the forge that it was given for. */
const targetOf = (key: RunKey, access: ForgeAccess) =>
  isSameForge(access.apiUrl, key.apiUrl)
    ? Effect.succeed(atRepository({ ...access, apiUrl: key.apiUrl }, key))
    : Effect.fail(
        new ForgeConfigInvalid({
          variable: "FORGE_GITEA_API",
          reason: `is a different forge than ${key.apiUrl}, which has the deploy key "${key.title}" of ${key.owner}/${key.repo}`,
        }),
      )
