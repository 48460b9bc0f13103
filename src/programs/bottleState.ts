/** bottleState: what a bottle is now, from its row and from what its backend has of it. */
import { Effect, Option } from "effect"
import type { BottleExit, BottleMetadata, BottleState } from "../domain/Bottle.ts"
import { signalOf } from "../domain/Signals.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend, BackendError } from "../services/Backends.ts"
import { engineOf, hasArtifact, otherEngine } from "./bottleBackend.ts"

/**
 * What a bottle is now: half destroyed, else the backend's word, else frozen while there is its artifact and lost when
 * that is gone, else a launch that died. Fails when another engine has the bottle.
 */
export const bottleState: (
  backend: Backend,
  bottle: BottleMetadata,
) => Effect.Effect<BottleState, BackendError> = Effect.fn("bottleState")(function* (backend, bottle) {
  if (Option.isSome(bottle.destroyingAt)) return "destroying"
  const box = yield* backend.inspect(bottle.slug)
  if (Option.isSome(box)) return box.value.state
  if (yield* hasArtifact(backend, bottle)) return "frozen"
  if ((yield* engineOf(backend, bottle)) === "other") return yield* otherEngine(backend, bottle)
  return Option.isSome(bottle.artifact) ? "lost" : "created"
})

/** What to tell of a bottle that is `destroying` to who wants to use it. */
export const halfDestroyed = (slug: Slug): string =>
  `a destroy of bottle "${slug}" was begun, and has not ended: "bot-bottle destroy ${slug}" finishes it`

/** The reason for refusing to use a bottle that is `lost`. */
export const lostArtifact = ({ slug, artifact, spec }: BottleMetadata): string =>
  `the artifact of bottle "${slug}" (${Option.getOrElse(artifact, () => "none")}) is gone from ${spec.backend}: "bot-bottle destroy ${slug}" removes what is left`

/** How an agent ended, from its exit code. */
export const exitOf = (code: number, at: string): BottleExit => {
  const signal = signalOf(code)
  return { code, ...(signal !== undefined && { signal }), at }
}
