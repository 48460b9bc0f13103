/**
 * Prices that providers published, in US dollars for a million tokens, at the usual service tier. Each row names the provider's own page
 * and the day for which the page is known to say so. `prices.yaml` in the home replaces and adds rows.
 */
import type { ModelPrice, PriceTable } from "./Prices.ts"

/** A price with its source. */
export interface PublishedPrice {
  readonly price: ModelPrice
  /** The provider's own page. */
  readonly page: string
  /** The day for which the page is known to say so, `YYYY-MM-DD`. */
  readonly at: string
}

type Cells = readonly [input: number, cached: number, written: number, writtenLong: number, output: number]

/** A row of Anthropic's table: base input, cache hits, 5m cache writes, 1h cache writes, output. */
const anthropic = (
  [input, cached, written, writtenLong, output]: Cells,
  maxOutput: number,
  at: string,
  page = "https://platform.claude.com/docs/en/about-claude/pricing",
): PublishedPrice => ({ price: { input, cached, written, writtenLong, output, maxOutput }, page, at })

/** Prompts of more than so many tokens cost twice the input and one and a half times the output, for the whole call. */
const OPENAI_LONG = 272_000

/** A row of OpenAI's table: input, cached input, cache writes, output. */
const openai = (
  model: string,
  [input, cached, written, output]: readonly [number, number, number, number],
  at: string,
): PublishedPrice => ({
  price: {
    input,
    cached,
    written,
    output,
    maxOutput: 128_000,
    above: {
      tokens: OPENAI_LONG,
      input: 2 * input,
      cached: 2 * cached,
      written: 2 * written,
      output: 1.5 * output,
    },
  },
  page: `https://developers.openai.com/api/docs/models/${model}`,
  at,
})

const ownPage = (model: string) => `https://platform.claude.com/docs/en/models/${model}/overview`

const haiku55 = anthropic([0.1, 0.01, 0.125, 0.2, 0.5], 128_000, "2026-10-24")

/** The published prices by the name of the model. */
export const PUBLISHED_PRICES: Readonly<Record<string, PublishedPrice>> = {
  "claude-fable-5-1": anthropic([10, 0.25, 12.5, 20, 50], 128_000, "2026-10-24"),
  "claude-fable-5": anthropic([10, 1, 12.5, 20, 50], 128_000, "2026-10-24"),
  "claude-opus-5-5": anthropic([4, 0.2, 5, 8, 20], 128_000, "2026-10-24", ownPage("opus-5-5")),
  "claude-opus-5": anthropic([5, 0.5, 6.25, 10, 25], 128_000, "2026-10-24", ownPage("opus-5")),
  "claude-opus-4-8": anthropic([5, 0.5, 6.25, 10, 25], 128_000, "2026-10-24"),
  "claude-opus-4-7": anthropic([5, 0.5, 6.25, 10, 25], 128_000, "2026-10-24"),
  "claude-opus-4-6": anthropic([5, 0.5, 6.25, 10, 25], 128_000, "2026-10-24"),
  "claude-opus-4-5": anthropic([5, 0.5, 6.25, 10, 25], 64_000, "2026-10-24"),
  "claude-sonnet-5-5": anthropic([2, 0.1, 2.5, 4, 10], 128_000, "2026-10-24"),
  "claude-sonnet-5": anthropic([2, 0.2, 2.5, 4, 10], 128_000, "2026-10-24", ownPage("sonnet-5")),
  "claude-sonnet-4-6": anthropic([3, 0.3, 3.75, 6, 15], 128_000, "2026-10-24"),
  "claude-haiku-5-5": {
    ...haiku55,
    price: {
      ...haiku55.price,
      above: { tokens: 100_000, input: 0.5, cached: 0.05, written: 0.625, writtenLong: 1, output: 2.5 },
    },
  },
  "claude-haiku-4-5": anthropic([1, 0.1, 1.25, 2, 5], 64_000, "2026-10-24"),
  "gpt-6-astra": openai("gpt-6-astra", [10, 1, 12.5, 50], "2026-10-04"),
  "gpt-6.1-sol": openai("gpt-6.1-sol", [2, 0.1, 2.5, 10], "2026-10-04"),
  "gpt-6-sol": openai("gpt-6-sol", [2, 0.2, 2.5, 10], "2026-09-23"),
  "gpt-6-luna": openai("gpt-6-luna", [0.1, 0.01, 0.125, 0.5], "2026-10-04"),
  "gpt-5.6-sol": openai("gpt-5.6-sol", [4, 0.4, 5, 20], "2026-10-04"),
  "gpt-5.6-terra": openai("gpt-5.6-terra", [2, 0.2, 2.5, 12], "2026-10-04"),
  "gpt-5.6-luna": openai("gpt-5.6-luna", [0.2, 0.02, 0.25, 1.2], "2026-10-04"),
}

/** The published prices, with an operator's own in their place. */
export const pricesWith = (own: PriceTable = {}): PriceTable => ({
  ...Object.fromEntries(Object.entries(PUBLISHED_PRICES).map(([model, { price }]) => [model, price])),
  ...Object.fromEntries(Object.entries(own).map(([model, price]) => [model.toLowerCase(), price])),
})
