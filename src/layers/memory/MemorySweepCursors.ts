/** SweepCursors in memory: for tests, and for programs that need no persistence. */
import { Effect, Layer, Option } from "effect"
import type { SweepCursor } from "../../domain/orchestrator/SweepCursor.ts"
import { SweepCursors } from "../../services/SweepCursors.ts"

/** None at first; private to this layer. */
export const layer: Layer.Layer<SweepCursors> = Layer.sync(SweepCursors, () => {
  const cursors = new Map<string, SweepCursor>()
  return SweepCursors.of({
    get: (forge) => Effect.sync(() => Option.fromNullable(cursors.get(forge))),
    set: (forge, cursor) => Effect.sync(() => void cursors.set(forge, cursor)),
  })
})
