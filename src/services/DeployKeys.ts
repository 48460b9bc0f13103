/** DeployKeys finds and revokes the deploy keys that no sidecar uses any more. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { RunKey } from "../domain/DeployKey.ts"
import type { ForgeAccess } from "../domain/ForgeTarget.ts"
import type { ForgeConfigInvalid, ForgeRequestError, SidecarError } from "../domain/Errors.ts"

/** DeployKeys finds and revokes deploy keys that earlier runs left at a forge. */
export class DeployKeys extends Context.Tag("bot-bottle/DeployKeys")<
  DeployKeys,
  {
    /** Deploy keys that no sidecar uses any more and that may still be registered, whether or not their bottle exists. */
    readonly leftKeys: Effect.Effect<ReadonlyArray<RunKey>, SidecarError>
    /**
     * Revokes one of them with a token of the same forge. After success the forge no longer has the key, or never had it. After a
     * failure the key stays in the list.
     */
    readonly revokeKey: (
      key: RunKey,
      access: ForgeAccess,
    ) => Effect.Effect<void, SidecarError | ForgeConfigInvalid | ForgeRequestError>
  }
>() {}
