/** Counts of tokens of calls to a model. */
import { Schema } from "effect"

/** Counts of one or more calls. */
export const Tokens = Schema.Struct({
  /** All input, including what came from a cache and went into it. */
  input: Schema.NonNegativeInt,
  /** The part of the input that came from a cache. */
  cached: Schema.NonNegativeInt,
  /** The part of the input that was written to a cache. */
  written: Schema.NonNegativeInt,
  /** The part of what was written that is kept for longer than usual, at a higher price. */
  writtenLong: Schema.NonNegativeInt,
  /** All output, including reasoning. */
  output: Schema.NonNegativeInt,
  /** The part of the output that is reasoning. */
  reasoning: Schema.NonNegativeInt,
})
/** Counts of one or more calls. */
export type Tokens = typeof Tokens.Type

/** No tokens. */
export const NO_TOKENS: Tokens = { input: 0, cached: 0, written: 0, writtenLong: 0, output: 0, reasoning: 0 }

/** The sum of two counts. */
export const addTokens = (a: Tokens, b: Tokens): Tokens => ({
  input: a.input + b.input,
  cached: a.cached + b.cached,
  written: a.written + b.written,
  writtenLong: a.writtenLong + b.writtenLong,
  output: a.output + b.output,
  reasoning: a.reasoning + b.reasoning,
})

/** Tokens that count: all input and all output. */
export const countOf = ({ input, output }: Pick<Tokens, "input" | "output">): number => input + output

/** No count of one call is larger: sums stay exact. */
const COUNT_MAX = 1e12

/** A count that somebody else reported, as a whole number from 0. */
export const atMost = (value: number): number =>
  Number.isFinite(value) ? Math.min(COUNT_MAX, Math.max(0, Math.floor(value))) : 0

/** Bytes of one token in an estimate. */
const BYTES_PER_TOKEN = 4

/** How many tokens a text of so many bytes has, roughly. */
export const estimatedTokens = (bytes: number): number => Math.ceil(bytes / BYTES_PER_TOKEN)
