/** The operator's own prices, read as strictly as manifests. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { homeAt } from "../../../src/layers/home/Home.ts"
import { ownPrices } from "../../../src/layers/manifests/ownPrices.ts"
import { tempDir } from "../../support/tempDir.ts"

describe("prices.yaml", () => {
  const read = (text: string) =>
    Effect.gen(function* () {
      const home = homeAt(yield* tempDir)
      writeFileSync(home.prices, text)
      return yield* ownPrices(home)
    })

  it.scoped("has prices by the name of the model, and need not be there", () =>
    Effect.gen(function* () {
      expect(yield* ownPrices(homeAt(yield* tempDir))).toEqual({})
      expect(yield* read("my-model: { input: 1.5, output: 6, cached: 0.15, maxOutput: 32000 }\n")).toEqual({
        "my-model": { input: 1.5, output: 6, cached: 0.15, maxOutput: 32_000 },
      })
    }),
  )

  it.scoped("with an unknown key, a missing price or a price below 0 fails with the file and the key", () =>
    Effect.gen(function* () {
      for (const [text, key] of [
        ["m: { input: 1, output: 2, putput: 3 }", "m.putput"],
        ["m: { input: 1 }", "m.output"],
        ["m: { input: -1, output: 2 }", "m.input"],
        ["m: 3", "m"],
      ] as const)
        expect([text, yield* Effect.flip(read(text))]).toEqual([
          text,
          expect.objectContaining({
            _tag: "ManifestInvalid",
            key,
            file: expect.stringMatching(/prices\.yaml$/),
          }),
        ])
    }),
  )
})
