/** modelRest: until when the model of a run must rest, because its provider refused calls of any bottle. */
import { Effect, Option } from "effect"
import type { BottleMetadata } from "../../domain/Bottle.ts"
import { instantOf } from "../../domain/Instant.ts"
import { providerDelay } from "../../domain/orchestrator/LifeSettings.ts"
import { modelRoutes, piModel, type Routes, routesOf } from "../../domain/ProviderRoutes.ts"
import { priceOf } from "../../domain/usage/Prices.ts"
import { pricesWith } from "../../domain/usage/publishedPrices.ts"
import { Manifests } from "../../services/Manifests.ts"

/** What a run consists of. */
export interface RunsOf {
  readonly agent: string
  /** Empty: the agent's default. */
  readonly bottles: ReadonlyArray<string>
}

/** The end of the last refusal that concerns a route of this run; none when there is none now. */
export const modelRest = Effect.fn("modelRest")(function* (
  run: RunsOf,
  bottles: ReadonlyArray<BottleMetadata>,
  now: number,
) {
  const refusals = bottles.flatMap(({ spec, trouble: { refused } }) => {
    if (refused === undefined) return []
    const until =
      refused.until === undefined ? instantOf(refused.at) + providerDelay(1) : instantOf(refused.until)
    return until > now ? [{ spec, route: refused.route, until }] : []
  })
  if (refusals.length === 0) return undefined
  const own = new Set(Object.values(yield* routesFor(run)).map(keyOf))
  const concerned = yield* Effect.filter(refusals, ({ spec, route }) =>
    Effect.map(routesFor(spec), ({ [route]: refused }) => refused !== undefined && own.has(keyOf(refused))),
  )
  return concerned.length === 0 ? undefined : Math.max(...concerned.map(({ until }) => until))
})

/** Whether the model that an agent names has a known price. One that names none takes its provider's, which its calls show. */
export const isPriced = Effect.fn("isPriced")(function* ({ agent }: RunsOf) {
  const manifests = yield* Manifests
  const known = Effect.gen(function* () {
    const { provider, model } = yield* manifests.agent(agent, { homeOnly: true })
    const named = provider === "pi" ? piModel(model).id : model
    if (provider === "command" || Option.isNone(named)) return true
    return priceOf(pricesWith(yield* manifests.prices), named.value) !== undefined
  })
  // Its launch reports what is wrong with a manifest.
  return yield* Effect.orElseSucceed(known, () => true)
})

/** A provider counts by account: the same upstream with another secret is a different one. */
const keyOf = ({ upstream, header, secret }: Routes[string]): string =>
  JSON.stringify([upstream, header, secret])

/** The model routes of a run; none when its manifests cannot be read, which its launch reports. */
const routesFor = (run: RunsOf): Effect.Effect<Routes, never, Manifests> =>
  Effect.gen(function* () {
    const manifests = yield* Manifests
    const agent = yield* manifests.agent(run.agent, { homeOnly: true })
    const bottles = run.bottles.length > 0 ? run.bottles : Option.toArray(agent.bottle)
    const routes = routesOf(agent, yield* manifests.bottle(bottles, { homeOnly: true }))
    const named = new Set(modelRoutes(agent, routes))
    return Object.fromEntries(Object.entries(routes).filter(([name]) => named.has(name)))
  }).pipe(Effect.orElseSucceed((): Routes => ({})))
