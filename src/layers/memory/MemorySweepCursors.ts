/** SweepCursors in memory: for tests, and for programs that keep nothing. */
import { Effect, Layer, Option } from "effect"
import type { SweepCursor } from "../../domain/orchestrator/SweepCursor.ts"
import { SweepCursors } from "../../services/SweepCursors.ts"

/** None at first; of this layer alone. */
export const layer: Layer.Layer<SweepCursors> = Layer.sync(SweepCursors, () => {
  const cursors = new Map<string, SweepCursor>()
  return SweepCursors.of({
    get: (forge) => Effect.sync(() => Option.fromNullable(cursors.get(forge))),
    set: (forge, cursor) => Effect.sync(() => void cursors.set(forge, cursor)),
  })
})
