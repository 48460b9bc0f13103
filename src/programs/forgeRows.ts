/** Updates the forge-state rows of a slug with its bottle: running, frozen, destroyed, and the pull request it opened. */
import { Effect, Option } from "effect"
import { ForgeState } from "../domain/ForgeState.ts"
import type { Slug } from "../domain/Slug.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"

/** Changes every row of the slug that is not destroyed. */
export const changeForgeRows = Effect.fn("changeForgeRows")(function* (
  slug: Slug,
  change: Partial<Pick<ForgeState, "status" | "lastCheckinAt" | "prNumber">>,
) {
  const store = yield* ForgeStateStore
  const rows = yield* store.all
  yield* Effect.forEach(
    rows.filter((row) => row.slug === slug && row.status !== "destroyed"),
    (row) =>
      store.modify(row, (current) => [
        undefined,
        Option.map(current, (now) => (now.slug === slug ? new ForgeState({ ...now, ...change }) : now)),
      ]),
    { discard: true },
  )
})
