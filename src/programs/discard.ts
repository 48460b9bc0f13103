/** discard: removes everything of a launch that died. */
import { Effect, Option, Ref } from "effect"
import type { Slug } from "../domain/Slug.ts"
import type { Backend } from "../services/Backends.ts"
import { BottleStore } from "../services/BottleStore.ts"
import type { DeployKeys } from "../services/DeployKeys.ts"
import { RunDirectories } from "../services/RunDirectories.ts"
import { Sidecar } from "../services/Sidecar.ts"
import type { AssignedForge } from "../domain/Assignment.ts"
import { revokeLeftKeys, tellLeftKeys } from "./deployKeys.ts"

/**
 * Removes everything of a slug, its row last. What cannot be removed is logged and left for `destroy`, with the row. The backend is
 * asked only when it `made` something.
 */
export const discard = (
  backend: Backend,
  slug: Slug,
  made: Ref.Ref<boolean>,
  forge: AssignedForge | undefined,
): Effect.Effect<void, never, BottleStore | DeployKeys | RunDirectories | Sidecar> =>
  Effect.gen(function* () {
    yield* stopSidecar(slug, forge)
    yield* Effect.whenEffect(backend.destroy(slug), made)
    yield* (yield* RunDirectories).forget(slug)
    yield* (yield* BottleStore).remove(slug)
  }).pipe(
    Effect.catchAll((error) =>
      Effect.logWarning(
        `${error.message}; "bot-bottle destroy ${slug}" removes what is left of the failed launch`,
      ),
    ),
  )

/**
 * Stops the sidecar of a slug, which revokes its deploy keys. Succeeds when there is none. Keys that remain are revoked with the token
 * of `forge` if the caller has one, and otherwise reported.
 */
export const stopSidecar = Effect.fn("stopSidecar")(function* (slug: Slug, forge?: AssignedForge) {
  const handle = yield* (yield* Sidecar).find(slug)
  if (Option.isSome(handle)) yield* handle.value.stop
  yield* forge === undefined ? tellLeftKeys(slug) : revokeLeftKeys(forge.target)
})
