/** bottleState: what a bottle is now, from its row and from what its backend has of it. */
import { Effect, Option } from "effect"
import type { BottleExit, BottleMetadata, BottleState } from "../domain/Bottle.ts"
import { signalOf } from "../domain/Signals.ts"
import type { Slug } from "../domain/Slug.ts"
import type { Backend } from "../services/Backends.ts"

/** What a bottle is now: half destroyed, else the backend's word, else frozen when there is an artifact, else a launch that died. */
export const bottleState = (
  backend: Backend,
  bottle: BottleMetadata,
): Effect.Effect<BottleState, BackendErrorOf> =>
  Option.isSome(bottle.destroyingAt)
    ? Effect.succeed("destroying")
    : Effect.map(
        backend.inspect(bottle.slug),
        Option.match({
          onSome: (box) => box.state,
          onNone: () => (Option.isSome(bottle.artifact) ? "frozen" : "created"),
        }),
      )

/** What to tell of a bottle that is `destroying` to who wants to use it. */
export const halfDestroyed = (slug: Slug): string =>
  `a destroy of bottle "${slug}" was begun, and has not ended: "bot-bottle destroy ${slug}" finishes it`

type BackendErrorOf = Effect.Effect.Error<ReturnType<Backend["inspect"]>>

/** How an agent ended, from its exit code. */
export const exitOf = (code: number, at: string): BottleExit => {
  const signal = signalOf(code)
  return { code, ...(signal !== undefined && { signal }), at }
}
