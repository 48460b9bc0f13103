/** fileFailed: converts a file error into the error of a service about sidecars. */
import { Effect } from "effect"
import { SidecarError } from "../../domain/Errors.ts"
import type { Slug } from "../../domain/Slug.ts"
import type { FileFailure } from "../../files/files.ts"

/** Fails with `SidecarError`, which names the slug (`*`: none) and the action. */
export const fileFailed =
  (slug: Slug | "*", operation: string) =>
  <A>(effect: Effect.Effect<A, FileFailure>): Effect.Effect<A, SidecarError> =>
    Effect.mapError(
      effect,
      ({ cause, code }) =>
        new SidecarError({
          slug,
          operation,
          reason: code === "" ? "a file could not be used" : `a file could not be used (${code})`,
          cause,
        }),
    )
