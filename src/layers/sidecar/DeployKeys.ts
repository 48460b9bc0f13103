/** DeployKeys over the ledger of a home: keys that no sidecar uses any more, each revoked with a token given later. */
import { Effect, Layer, Redacted } from "effect"
import { isSameForge, type RunKey } from "../../domain/DeployKey.ts"
import { ForgeConfigInvalid, type ForgeRequestError, SidecarError } from "../../domain/Errors.ts"
import { DeployKeys } from "../../services/DeployKeys.ts"
import type { ForgeEnv } from "../../services/Sidecar.ts"
import * as Processes from "../process/ProcessIdentity.ts"
import { giteaForgeConfig, withForgeEnv } from "../gitea/GiteaForgeConfig.ts"
import { Home, type HomeShape } from "../home/Home.ts"
import { unlinkIfThere } from "../../files/files.ts"
import type { MakeForge } from "../../sidecar/SidecarDocument.ts"
import { leftEntries, strike } from "../../sidecar/keys/KeyLedger.ts"
import { revoke } from "../../sidecar/keys/revoke.ts"
import { fileFailed } from "./fileFailed.ts"

const make = (home: HomeShape, makeForge: MakeForge): typeof DeployKeys.Service => {
  const left = Effect.provide(leftEntries(home.keyLedger), Processes.layer).pipe(
    fileFailed("*", "reading which deploy keys there are"),
  )
  return {
    leftKeys: Effect.withSpan(
      Effect.map(left, (all) => all.map(({ key }) => key)),
      "DeployKeys.leftKeys",
    ),
    revokeKey: Effect.fn("DeployKeys.revokeKey")(function* (key: RunKey, forgeEnv: ForgeEnv) {
      const entry = (yield* left).find((candidate) => candidate.key.name === key.name)
      // Another has done it, or it is in use after all.
      if (entry === undefined) return
      const forge = yield* Effect.flatMap(accessTo(entry.key, forgeEnv), makeForge)
      yield* revokeBounded(forge, entry.key)
      yield* Effect.zipRight(unlinkIfThere(entry.privateFile), strike(home.keyLedger, entry.key.name)).pipe(
        fileFailed(key.slug, "forgetting a deploy key"),
      )
    }),
  }
}

/** The deploy keys of a home; `makeForge` makes the forge at which one is revoked. */
export const layerWith = (makeForge: MakeForge): Layer.Layer<DeployKeys> =>
  Layer.effect(
    DeployKeys,
    Effect.map(Home, (home) => make(home, makeForge)),
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

/** A token goes to the forge that it was given for, and to no other. */
const accessTo = (key: RunKey, forgeEnv: ForgeEnv) =>
  Effect.gen(function* () {
    const { apiUrl, token } = yield* giteaForgeConfig
    if (!isSameForge(apiUrl, key.apiUrl)) {
      return yield* new ForgeConfigInvalid({
        variable: "FORGE_GITEA_API",
        reason: `is another forge than ${key.apiUrl}, which has the deploy key "${key.title}" of ${key.owner}/${key.repo}`,
      })
    }
    return {
      apiUrl: key.apiUrl,
      owner: key.owner,
      repo: key.repo,
      token: Redacted.make(Redacted.value(token)),
      issueNumber: 1,
    }
  }).pipe(withForgeEnv({ ...forgeEnv, FORGE_OWNER: key.owner, FORGE_REPO: key.repo }))
