/** Prices of models: how a model is found in a table, and what its tokens cost. */
import { Schema } from "effect"
import type { Tokens } from "./Tokens.ts"

const Price = Schema.Finite.pipe(Schema.nonNegative())

/** US dollars for a million tokens. */
export const Rates = Schema.Struct({
  input: Price,
  /** Input that comes from a cache; as `input` if absent. */
  cached: Schema.optional(Price),
  /** Input that goes into a cache; as `input` if absent. */
  written: Schema.optional(Price),
  /** Input that goes into a cache for longer; as `written` if absent. */
  writtenLong: Schema.optional(Price),
  /** Includes reasoning. */
  output: Price,
})
/** US dollars for a million tokens. */
export type Rates = typeof Rates.Type

/** The price of a model. */
export const ModelPrice = Schema.Struct({
  ...Rates.fields,
  /** The rates of a call with more input than so many tokens; they hold for all of its tokens. */
  above: Schema.optional(Schema.Struct({ ...Rates.fields, tokens: Schema.NonNegativeInt })),
  /** The most tokens that the model writes in one completion, as published. */
  maxOutput: Schema.optional(Schema.NonNegativeInt),
})
/** The price of a model. */
export type ModelPrice = typeof ModelPrice.Type

/** Prices by the name of the model. */
export const PriceTable = Schema.Record({ key: Schema.String, value: ModelPrice })
/** Prices by the name of the model. */
export type PriceTable = typeof PriceTable.Type

/** The price of a model by its name, also with a date or `latest` behind it, or a provider and a slash before it. */
export const priceOf = (table: PriceTable, model: string): ModelPrice | undefined => {
  const name = model.trim().toLowerCase()
  return [name, name.replace(/^.*\//, "")]
    .flatMap((name) => [name, name.replace(/\[1m\]$/, "").replace(DATED, "")])
    .flatMap((name) => (Object.hasOwn(table, name) ? [table[name]] : []))
    .find((price) => price !== undefined)
}

const DATED = /[-@](?:\d{8}|\d{4}-\d\d-\d\d|latest)$/

/** What tokens of one call cost, in millionths of a US dollar, rounded up. */
export const costOf = (price: ModelPrice, tokens: Tokens): number => {
  const {
    input,
    cached = input,
    written = input,
    writtenLong = written,
    output,
  } = ratesFor(price, tokens.input)
  const fresh = Math.max(0, tokens.input - tokens.cached - tokens.written)
  return Math.ceil(
    fresh * input +
      tokens.cached * cached +
      (tokens.written - tokens.writtenLong) * written +
      tokens.writtenLong * writtenLong +
      tokens.output * output -
      ROUNDING,
  )
}

/** The most that so much input and output can cost: whether the input goes into a cache is not known before the call. */
export const costAtMost = (price: ModelPrice, input: number, output: number): number => {
  const rates = ratesFor(price, input)
  const dearest = Math.max(rates.input, rates.written ?? 0, rates.writtenLong ?? 0)
  return Math.ceil(input * dearest + output * rates.output - ROUNDING)
}

/** Sums of binary fractions are not exact. */
const ROUNDING = 1e-6

const ratesFor = (price: ModelPrice, input: number): Rates =>
  price.above !== undefined && input > price.above.tokens ? price.above : price
