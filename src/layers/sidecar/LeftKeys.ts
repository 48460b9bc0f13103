/** Deploy keys that no sidecar uses any more: what the ledger has of them, and how one is revoked with a token given later. */
import { Effect } from "effect"
import { rm } from "node:fs/promises"
import { isSameForge, type RunKey } from "../../domain/DeployKey.ts"
import { ForgeConfigInvalid, type ForgeRequestError, SidecarError } from "../../domain/Errors.ts"
import { type ForgeAccess, atRepository } from "../../domain/ForgeTarget.ts"
import type { ForgesApi } from "../../services/Forges.ts"
import * as Processes from "../process/ProcessIdentity.ts"
import type { HomeShape } from "../home/Home.ts"
import { file, type FileFailure, unlinkIfThere, orElseOn } from "../../sidecar/record/files.ts"
import { leftEntries, strike } from "../../sidecar/keys/KeyLedger.ts"
import { revoke } from "../../sidecar/keys/revoke.ts"

/** The part of the Sidecar service that is about deploy keys. */
export const makeLeftKeys = (home: HomeShape, forges: ForgesApi) => {
  const left = Effect.mapError(
    Effect.provide(leftEntries(home.keyLedger), Processes.layer),
    failed("*", "reading which deploy keys there are"),
  )
  return {
    leftKeys: Effect.withSpan(
      Effect.map(left, (all) => all.map(({ key }) => key)),
      "Sidecar.leftKeys",
    ),
    revokeKey: Effect.fn("Sidecar.revokeKey")(function* (key: RunKey, access: ForgeAccess) {
      const entry = (yield* left).find((candidate) => candidate.key.name === key.name)
      // Another has done it, or it is in use after all.
      if (entry === undefined) return
      const forge = yield* forges.of(yield* targetOf(entry.key, access))
      yield* revokeBounded(forge, entry.key)
      yield* Effect.mapError(
        Effect.zipRight(unlinkIfThere(entry.privateFile), strike(home.keyLedger, entry.key.name)),
        failed(key.slug, "forgetting a deploy key"),
      )
    }),
    /** Removes the private halves of a slug; those that are registered stay in the ledger. */
    removePrivateHalves: (slug: string): Effect.Effect<void, SidecarError> =>
      Effect.mapError(
        file(() => rm(home.of(slug).keys, { recursive: true, force: true })).pipe(
          orElseOn("ENOTDIR", undefined),
        ),
        failed(slug, "removing its deploy keys"),
      ),
  }
}

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
const targetOf = (key: RunKey, access: ForgeAccess) =>
  isSameForge(access.apiUrl, key.apiUrl)
    ? Effect.succeed(atRepository({ ...access, apiUrl: key.apiUrl }, key))
    : Effect.fail(
        new ForgeConfigInvalid({
          variable: "FORGE_GITEA_API",
          reason: `is another forge than ${key.apiUrl}, which has the deploy key "${key.title}" of ${key.owner}/${key.repo}`,
        }),
      )

const failed =
  (slug: string, operation: string) =>
  ({ code, cause }: FileFailure): SidecarError =>
    new SidecarError({ slug, operation, reason: `a file could not be used (${code})`, cause })
