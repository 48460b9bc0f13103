/** bottleState: what a bottle is now, from its row and from what its backend has of it. */
import { Effect, Option } from "effect"
import type { BottleExit, BottleMetadata, BottleState } from "../domain/Bottle.ts"
import { signalOf } from "../domain/Signals.ts"
import type { Backend } from "../services/Backends.ts"

/** What a bottle is now: the backend's word, else frozen when there is an artifact, else a launch that died. */
export const bottleState = (
  backend: Backend,
  bottle: BottleMetadata,
): Effect.Effect<BottleState, BackendErrorOf> =>
  Effect.map(
    backend.inspect(bottle.slug),
    Option.match({
      onSome: (box) => box.state,
      onNone: () => (Option.isSome(bottle.artifact) ? "frozen" : "created"),
    }),
  )

type BackendErrorOf = Effect.Effect.Error<ReturnType<Backend["inspect"]>>

/** How an agent ended, from its exit code. */
export const exitOf = (code: number, at: string): BottleExit => {
  const signal = signalOf(code)
  return { code, ...(signal !== undefined && { signal }), at }
}
