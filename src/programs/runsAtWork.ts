/** runsAtWork: the runs in progress, and those that are being started: they are summed in the usage only when they have ended. */
import { Effect, Option } from "effect"
import type { BottleMetadata } from "../domain/Bottle.ts"
import { type ForgeStateKey, isAbout } from "../domain/ForgeState.ts"
import { instantOf } from "../domain/Instant.ts"
import type { HostName } from "../domain/orchestrator/StoredOperation.ts"
import { NO_USE, totalOf } from "../domain/usage/RunMeter.ts"
import type { Slug } from "../domain/Slug.ts"
import { BottleStore } from "../services/BottleStore.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { Operations } from "../services/Operations.ts"
import { useOf } from "./listBottles.ts"

/** A run in progress, one that is being started, or one that has ended and is not counted yet. */
export interface RunAtWork {
  readonly of: ForgeStateKey
  /** None of a run that is being started. */
  readonly slug: Option.Option<Slug>
}

/** The same with what it has used. */
export interface RunUnderWay extends RunAtWork {
  readonly seconds: number
  /** As its meter counts so far. */
  readonly tokens: number
  /** In millionths, of the calls with a known price. */
  readonly cost: number
  /** Calls without a known price. */
  readonly unpriced: number
}

/** How many open operations are counted at most: more than a machine has bottles. */
const OPEN = 1_000

/** Bottles that are running by their row, and those that a host is starting. */
export const runsAtWork = Effect.fn("runsAtWork")(function* (host: HostName) {
  const running = yield* (yield* ForgeStateStore).running
  const starts = (yield* (yield* Operations).open(host, { limit: OPEN })).filter(
    ({ input }) => input._tag === "Launch" || input._tag === "Resume",
  )
  return [
    ...running.map((row): RunAtWork => ({ of: row, slug: Option.some(row.slug) })),
    ...starts
      .filter((start) => !running.some((row) => isAbout(row, start)))
      .map((of): RunAtWork => ({ of, slug: Option.none() })),
  ]
})

/** Reads what runs have used, each from its own meter. */
export const withUse = Effect.fn("withUse")(function* (runs: ReadonlyArray<RunAtWork>, now: number) {
  const store = yield* BottleStore
  const bottles = new Map<string, BottleMetadata>(
    runs.length === 0 ? [] : (yield* store.all).map((bottle) => [bottle.slug, bottle]),
  )
  return yield* Effect.forEach(runs, (run) => {
    const bottle = Option.match(run.slug, { onNone: () => undefined, onSome: (slug) => bottles.get(slug) })
    return Effect.map(bottle === undefined ? Effect.succeed(NO_USE) : usedBy(bottle), (use): RunUnderWay => {
      const { tokens, cost, unpriced } = totalOf(use)
      return { ...run, seconds: secondsOf(bottle, now), tokens, cost, unpriced }
    })
  })
})

const usedBy = (bottle: BottleMetadata) =>
  Effect.map(
    useOf(bottle),
    Option.getOrElse(() => NO_USE),
  )

const secondsOf = (bottle: BottleMetadata | undefined, now: number): number =>
  bottle === undefined
    ? 0
    : Option.match(bottle.startedAt, {
        onNone: () => 0,
        onSome: (started) => {
          const end = Option.match(bottle.exit, { onNone: () => now, onSome: ({ at }) => instantOf(at) })
          return Math.max(0, Math.round((end - instantOf(started)) / 1000))
        },
      })
