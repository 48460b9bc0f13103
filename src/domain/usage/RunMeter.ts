/** What a run used, by route and model, and by host. */
import { Schema } from "effect"
import { NO_TOKENS, Tokens, addTokens, countOf } from "./Tokens.ts"

/** Calls to one model through one route. */
export const ModelUse = Schema.Struct({
  route: Schema.String,
  /** As the provider names it, or as it was asked for; `""` when neither is known. */
  model: Schema.String,
  calls: Schema.NonNegativeInt,
  ...Tokens.fields,
  /** Calls whose tokens are estimated, because the provider did not report them. */
  estimated: Schema.NonNegativeInt,
  /** Of the calls with a known price, in millionths of a US dollar. */
  cost: Schema.NonNegativeInt,
  /** Calls that used tokens and have no known price. */
  unpriced: Schema.NonNegativeInt,
})
/** Calls to one model through one route. */
export type ModelUse = typeof ModelUse.Type

/** Connections to one host through the egress. */
export const HostUse = Schema.Struct({
  host: Schema.String,
  connections: Schema.NonNegativeInt,
  /** Bytes from the bottle to the host, and back. */
  up: Schema.NonNegativeInt,
  down: Schema.NonNegativeInt,
  /** How long connections were open, summed. */
  milliseconds: Schema.NonNegativeInt,
})
/** Connections to one host. */
export type HostUse = typeof HostUse.Type

/** What a run used. */
export const RunMeter = Schema.Struct({ models: Schema.Array(ModelUse), hosts: Schema.Array(HostUse) })
/** What a run used. */
export type RunMeter = typeof RunMeter.Type

/** Nothing. */
export const NO_USE: RunMeter = { models: [], hosts: [] }

/** How many models or hosts are listed separately. A bottle can name any number; the rest is one sum. */
const MODELS_MAX = 64
const HOSTS_MAX = 256

/** The name of the sum of the rest. */
export const OTHERS = "(others)"

/** The meter with one more use of a model. */
export const withModelUse = (meter: RunMeter, use: ModelUse): RunMeter => ({
  ...meter,
  models: added(meter.models, use, {
    most: MODELS_MAX,
    same: (a, b) => a.route === b.route && a.model === b.model,
    other: (use) => ({ ...use, model: OTHERS }),
    add: (a, b) => ({
      ...a,
      ...addTokens(a, b),
      calls: a.calls + b.calls,
      estimated: a.estimated + b.estimated,
      cost: a.cost + b.cost,
      unpriced: a.unpriced + b.unpriced,
    }),
  }),
})

/** The meter with one more use of a host. */
export const withHostUse = (meter: RunMeter, use: HostUse): RunMeter => ({
  ...meter,
  hosts: added(meter.hosts, use, {
    most: HOSTS_MAX,
    same: (a, b) => a.host === b.host,
    other: (use) => ({ ...use, host: OTHERS }),
    add: (a, b) => ({
      host: a.host,
      connections: a.connections + b.connections,
      up: a.up + b.up,
      down: a.down + b.down,
      milliseconds: a.milliseconds + b.milliseconds,
    }),
  }),
})

const added = <A>(
  all: ReadonlyArray<A>,
  use: A,
  how: {
    readonly most: number
    readonly same: (a: A, b: A) => boolean
    readonly other: (use: A) => A
    readonly add: (a: A, b: A) => A
  },
): ReadonlyArray<A> => {
  const isKnown = all.some((known) => how.same(known, use))
  const counted = isKnown || all.length < how.most ? use : how.other(use)
  return all.some((known) => how.same(known, counted))
    ? all.map((known) => (how.same(known, counted) ? how.add(known, counted) : known))
    : [...all, counted]
}

/** The sum over the models of a meter. */
export interface UseTotal extends Tokens {
  readonly calls: number
  /** All input and all output. */
  readonly tokens: number
  readonly estimated: number
  /** In millionths of a US dollar. */
  readonly cost: number
  readonly unpriced: number
}

/** The sum over the models of a meter. */
export const totalOf = ({ models }: RunMeter): UseTotal => {
  const sum = models.reduce<Omit<UseTotal, "tokens">>(
    (sum, use) => ({
      ...addTokens(sum, use),
      calls: sum.calls + use.calls,
      estimated: sum.estimated + use.estimated,
      cost: sum.cost + use.cost,
      unpriced: sum.unpriced + use.unpriced,
    }),
    { ...NO_TOKENS, calls: 0, estimated: 0, cost: 0, unpriced: 0 },
  )
  return { ...sum, tokens: countOf(sum) }
}

/** A meter in a few words: `12 calls, 34.5k tokens (estimated), $0.12`; `""` for a run without calls to a model. */
export const useText = (meter: RunMeter): string => {
  const { calls, tokens, estimated } = totalOf(meter)
  if (calls === 0) return ""
  return [
    `${calls} ${calls === 1 ? "call" : "calls"} to a model`,
    `${shortCount(tokens)} tokens${estimated > 0 ? " (partly estimated)" : ""}`,
    costText(meter),
  ].join(", ")
}

/** The money of a meter: `$0.12`; `at least` where calls have no known price; `-` where none has one. */
export const costText = (meter: RunMeter): string => {
  const { calls, cost, unpriced } = totalOf(meter)
  if (calls === 0) return "-"
  if (unpriced === 0) return moneyText(cost)
  return cost === 0 ? "price not known" : `at least ${moneyText(cost)}`
}

/** Millionths of a US dollar as a text: `$1.50`, or `$0.0042` below a cent. */
export const moneyText = (cost: number): string =>
  `$${(cost / 1_000_000).toFixed(cost > 0 && cost < 10_000 ? 4 : 2)}`

/** A count in at most five characters: `950`, `34.5k`, `1.2M`. */
export const shortCount = (count: number): string =>
  count < 1000
    ? String(count)
    : count < 999_950
      ? `${(count / 1000).toFixed(1)}k`
      : `${(count / 1_000_000).toFixed(1)}M`
