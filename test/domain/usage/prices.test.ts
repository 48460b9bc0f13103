/** Money from tokens: exact, by the row of a model, and nothing where there is none. */
import { describe, expect, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { costAtMost, costOf, priceOf, type Rates } from "../../../src/domain/usage/Prices.ts"
import { PUBLISHED_PRICES, pricesWith } from "../../../src/domain/usage/publishedPrices.ts"
import {
  costText,
  moneyText,
  NO_USE,
  shortCount,
  useText,
  withModelUse,
} from "../../../src/domain/usage/RunMeter.ts"
import { NO_TOKENS } from "../../../src/domain/usage/Tokens.ts"

describe("prices", () => {
  const table = pricesWith({ "My-Model": { input: 1, output: 2 } })

  it("have a page of the provider and a day, each", () => {
    for (const [model, { page, at, price }] of Object.entries(PUBLISHED_PRICES)) {
      expect([model, page]).toEqual([
        model,
        expect.stringMatching(
          /^https:\/\/(?:platform\.claude\.com|developers\.openai\.com)\/docs|\/api\/docs/,
        ),
      ])
      expect(at).toMatch(/^2026-\d\d-\d\d$/)
      expect(price.maxOutput).toBeGreaterThan(0)
    }
  })

  it("are in the document, row by row", () => {
    const text = readFileSync(new URL("../../../docs/prices.md", import.meta.url), "utf8")
    const cells = ({ input, cached, written, writtenLong, output }: Rates) =>
      [input, cached, written, writtenLong ?? "", output].join(" | ")
    for (const [model, { price, page, at }] of Object.entries(PUBLISHED_PRICES)) {
      expect(text).toContain(`| \`${model}\` | ${cells(price)} | ${price.maxOutput} | [${at}](${page}) |`)
      if (price.above !== undefined)
        expect(text).toContain(`| above ${price.above.tokens} tokens of input | ${cells(price.above)} |`)
    }
    expect(text.match(/^\| `/gm)?.length).toBe(Object.keys(PUBLISHED_PRICES).length)
  })

  it("are found by a model's name, with a date or a provider too, and not by a part of it", () => {
    const opus = table["claude-opus-4-5"]
    for (const name of [
      "claude-opus-4-5",
      "claude-opus-4-5-20251101",
      "anthropic/claude-opus-4-5",
      "Claude-Opus-4-5-latest",
      "claude-opus-4-5[1m]",
    ])
      expect(priceOf(table, name)).toBe(opus)
    expect(priceOf(table, "my-model")).toEqual({ input: 1, output: 2 })
    for (const name of ["", "opus", "claude-opus-4-5-turbo", "claude-opus-4", "constructor", "__proto__"])
      expect(priceOf(table, name)).toBeUndefined()
  })

  it("count fresh, cached and written input, and output, each at its rate", () => {
    const price = { input: 5, cached: 0.5, written: 6.25, writtenLong: 10, output: 25 }
    const tokens = { ...NO_TOKENS, input: 1000, cached: 600, written: 300, writtenLong: 100, output: 10 }
    expect(costOf(price, tokens)).toBe(100 * 5 + 600 * 0.5 + 200 * 6.25 + 100 * 10 + 10 * 25)
    expect(costOf({ input: 0.1, output: 0.3 }, { ...NO_TOKENS, input: 3 })).toBe(1)
    expect(costAtMost(price, 1000, 10)).toBe(10_250)
  })

  it("are those of long prompts for the whole call", () => {
    const luna = table["gpt-6-luna"]
    if (luna === undefined) throw new Error("no row")
    expect(costOf(luna, { ...NO_TOKENS, input: 272_000, output: 1000 })).toBe(27_700)
    expect(costOf(luna, { ...NO_TOKENS, input: 272_001, output: 1000 })).toBe(55_151)
  })
})

describe("a meter in words", () => {
  const use = {
    route: "r",
    model: "m",
    calls: 1,
    ...NO_TOKENS,
    input: 34_000,
    output: 500,
    estimated: 0,
    cost: 120_000,
    unpriced: 0,
  }

  it("says calls, tokens and money, and what is not known", () => {
    const meter = withModelUse(NO_USE, use)
    expect(useText(meter)).toBe("1 call to a model, 34.5k tokens, $0.12")
    expect(useText(NO_USE)).toBe("")
    const more = withModelUse(meter, { ...use, model: "x", estimated: 1, cost: 0, unpriced: 1 })
    expect(useText(more)).toBe("2 calls to a model, 69.0k tokens (partly estimated), at least $0.12")
    expect(costText(withModelUse(NO_USE, { ...use, cost: 0, unpriced: 1 }))).toBe("price not known")
    expect([moneyText(0), moneyText(4_200), moneyText(1_500_000)]).toEqual(["$0.00", "$0.0042", "$1.50"])
    expect([shortCount(999), shortCount(999_960)]).toEqual(["999", "1.0M"])
  })

  it("tells so many models apart, and sums the rest", () => {
    let meter = NO_USE
    for (let n = 0; n < 5000; n += 1) meter = withModelUse(meter, { ...use, model: `m${n}` })
    expect(meter.models.length).toBe(65)
    expect(meter.models.at(-1)).toMatchObject({ model: "(others)", calls: 4936 })
  })
})
