/** inspectBottle: everything that is known about one bottle. */
import { Effect, Option } from "effect"
import type { BottleMetadata, BottleStatus } from "../domain/Bottle.ts"
import { BottleNotFound } from "../domain/Errors.ts"
import type { ForgeState } from "../domain/ForgeState.ts"
import type { RunMeter } from "../domain/usage/RunMeter.ts"
import { BottleEvents } from "../services/BottleEvents.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { type LimitsInForce, limitsInForce } from "./limitsInForce.ts"
import { statusesOf, useOf } from "./listBottles.ts"
import { parseSlug } from "./parseSlug.ts"

/** Everything that is known about a bottle. */
export interface Inspected {
  readonly bottle: BottleMetadata
  readonly state: BottleStatus["state"]
  /** The running operation and the watcher, as process IDs of live processes. */
  readonly leases: {
    readonly operation?: { readonly name: string; readonly pid: number }
    readonly watcher?: number
  }
  /** When its agent last called its neck, ISO 8601; `""` when it never did. */
  readonly lastCheckinAt: string
  /** What its newest run used so far; none when nothing was counted. */
  readonly use: Option.Option<RunMeter>
  /** The limits of its newest run, with what a person added in that run. */
  readonly limits: LimitsInForce
  /** The issues that it handles. */
  readonly issues: ReadonlyArray<ForgeState>
}

/** Everything that is known about one bottle, by its slug. */
export const inspectBottle = Effect.fn("inspectBottle")(function* (name: string) {
  const slug = yield* parseSlug(name)
  const store = yield* BottleStore
  const bottle = Option.getOrUndefined(yield* store.get(slug))
  if (bottle === undefined) return yield* new BottleNotFound({ slug })
  const [status] = yield* statusesOf([bottle])
  const rows = yield* (yield* ForgeStateStore).all
  const inspected: Inspected = {
    bottle,
    state: status?.state ?? "unknown",
    leases: yield* store.leases(slug),
    lastCheckinAt: Option.getOrElse(yield* (yield* BottleEvents).lastCheckin(slug), () => ""),
    use: yield* useOf(bottle),
    limits: yield* limitsInForce(bottle),
    issues: rows.filter((row) => row.slug === slug),
  }
  return inspected
})
