/** orchestrateStatus: which bottle handles which issue, its current state, and the last sign of life of its agent. */
import { Array as Arr, Effect } from "effect"
import { forgeStatus } from "../domain/ForgeStatus.ts"
import { BottleEvents } from "../services/BottleEvents.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { statusesOf } from "./listBottles.ts"

/**
 * The issues that have a live bottle, or all issues that ever had one; ordered by forge, owner, repository, issue. Only the backends of
 * their bottles are asked. The state is `unknown` if a backend cannot be reached.
 */
export const orchestrateStatus = Effect.fn("orchestrateStatus")(function* (
  options: { readonly all?: boolean } = {},
) {
  const rows = (yield* (yield* ForgeStateStore).all).filter(
    (row) => options.all === true || row.status !== "destroyed",
  )
  const events = yield* BottleEvents
  const slugs = new Set(rows.map(({ slug }) => slug))
  const bottles = yield* statusesOf(
    (yield* (yield* BottleStore).all).filter((bottle) => slugs.has(bottle.slug)),
  )
  return yield* Effect.forEach(rows, (row) =>
    Effect.map(events.lastCheckin(row.slug), (checkin) =>
      forgeStatus(
        row,
        Arr.findFirst(bottles, (bottle) => bottle.slug === row.slug),
        checkin,
      ),
    ),
  )
})
