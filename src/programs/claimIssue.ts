/** claimIssue: makes a bottle the one that handles an issue, before it is launched. */
import { Effect, Option } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import { AlreadyHandled } from "../domain/Errors.ts"
import { ForgeState } from "../domain/ForgeState.ts"
import type { ForgeStateKey } from "../domain/ForgeState.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { nowIso } from "./clock.ts"

/**
 * Writes the issue's row for the bottle, in one transaction, and answers how to put back what was there.
 * Fails with `AlreadyHandled` when another bottle that is not destroyed handles the issue.
 */
export const claimIssue = Effect.fn("claimIssue")(function* (
  key: ForgeStateKey,
  bottle: BottleMetadata,
  /** The PR that the operator named for this run. */
  namedPr: Option.Option<number>,
) {
  const store = yield* ForgeStateStore
  const lastCheckinAt = yield* nowIso
  const claimed = yield* store.modify(key, (current): readonly [Claim, Option.Option<ForgeState>] => {
    const other = Option.filter(current, (row) => row.status !== "destroyed" && row.slug !== bottle.slug)
    if (Option.isSome(other)) return [{ other, before: current }, current]
    const own = Option.filter(current, (row) => row.slug === bottle.slug)
    const row = new ForgeState({
      ...key,
      slug: bottle.slug,
      agentName: bottle.spec.agent,
      bottleNames: bottle.spec.bottles,
      backendName: bottle.spec.backend,
      prNumber: Option.orElse(namedPr, () => Option.flatMap(own, (mine) => mine.prNumber)),
      status: "running",
      lastCheckinAt,
    })
    return [{ other, before: current }, Option.some(row)]
  })
  if (Option.isSome(claimed.other)) {
    const { slug, status } = claimed.other.value
    return yield* new AlreadyHandled({ ...key, slug, status })
  }
  return {
    /** The PR of the bottle's row before this run. */
    prNumber: Option.flatMap(claimed.before, (row) =>
      row.slug === bottle.slug ? row.prNumber : Option.none(),
    ),
    /** Puts back what was there before, unless another bottle has the row by now. */
    restore: store.modify(key, (current) => [
      undefined,
      Option.exists(current, (row) => row.slug === bottle.slug) ? claimed.before : current,
    ]),
  }
})

interface Claim {
  /** The row of another live bottle: the claim was refused. */
  readonly other: Option.Option<ForgeState>
  readonly before: Option.Option<ForgeState>
}
