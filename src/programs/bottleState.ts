/** bottleState: the current state of a bottle, from its row and its backend. */
import { Effect, Option } from "effect"
import type { BottleExit, BottleMetadata, BottleState } from "../domain/Bottle.ts"
import { instantOf } from "../domain/Instant.ts"
import { signalOf } from "../domain/Signals.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend, BackendError } from "../services/Backends.ts"
import { engineOf, hasArtifact, otherEngine } from "./bottleBackend.ts"

/**
 * The current state of a bottle: `destroying`, or else the state that the backend reports, or else `frozen` while its artifact exists
 * and `lost` when it is gone, or else a launch that died. Fails when another engine has the bottle.
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

/** Whether the row shows that the newest run has ended. */
export const hasEnded = ({ exit, frozenAt, startedAt }: BottleMetadata): boolean =>
  Option.isSome(exit) ||
  (Option.isSome(frozenAt) && instantOf(frozenAt.value) >= instantOf(Option.getOrElse(startedAt, () => "")))

/** The newest run that began. A resume that was killed left its number in the row, and a box that was never started: that run did not begin. */
export const lastRun = (state: BottleState, bottle: BottleMetadata): number =>
  state === "created" && !hasEnded(bottle) ? bottle.run - 1 : bottle.run

/** The message for a command on a bottle that is `destroying`. */
export const halfDestroyed = (slug: Slug): string =>
  `an earlier destroy of bottle "${slug}" did not finish: "bot-bottle destroy ${slug}" finishes it`

/** The message for a command on a bottle that is `lost`. */
export const lostArtifact = ({ slug, artifact, spec }: BottleMetadata): string =>
  `the artifact of bottle "${slug}" (${Option.getOrElse(artifact, () => "none")}) is gone from ${spec.backend}: "bot-bottle destroy ${slug}" removes what is left`

/** How an agent ended, from its exit code. */
export const exitOf = (code: number, at: string): BottleExit => {
  const signal = signalOf(code)
  return { code, ...(signal !== undefined && { signal }), at }
}
