/** The operator's own prices of models: `prices.yaml` of the home. */
import { Effect, Option } from "effect"
import { decodeStrictly } from "../../domain/ManifestFile.ts"
import { PriceTable } from "../../domain/usage/Prices.ts"
import type { HomeShape } from "../home/Home.ts"
import { readBounded } from "./readBounded.ts"
import { decodeText, parseYaml } from "./yaml.ts"

/** The prices by the name of the model; none when there is no such file. */
export const ownPrices = Effect.fn("ownPrices")(function* ({ prices }: HomeShape) {
  const bytes = yield* readBounded(prices)
  if (Option.isNone(bytes)) return {}
  return yield* decodeStrictly(
    prices,
    PriceTable,
    yield* parseYaml(prices, yield* decodeText(prices, bytes.value)),
  )
})
