/** DeployKeys knows the deploy keys that no sidecar uses any more, and revokes them. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { RunKey } from "../domain/DeployKey.ts"
import type { ForgeAccess } from "../domain/ForgeTarget.ts"
import type { ForgeConfigInvalid, ForgeRequestError, SidecarError } from "../domain/Errors.ts"

/** DeployKeys knows the deploy keys that earlier runs left at a forge. */
export class DeployKeys extends Context.Tag("bot-bottle/DeployKeys")<
  DeployKeys,
  {
    /** Deploy keys that no sidecar uses any more and that may still be registered, whether or not there is a bottle. */
    readonly leftKeys: Effect.Effect<ReadonlyArray<RunKey>, SidecarError>
    /**
     * Revokes one of them with a token of the same forge. When it succeeds the forge has
     * the key no more, or never had it; when it fails the key stays among those that are left.
     */
    readonly revokeKey: (
      key: RunKey,
      access: ForgeAccess,
    ) => Effect.Effect<void, SidecarError | ForgeConfigInvalid | ForgeRequestError>
  }
>() {}
