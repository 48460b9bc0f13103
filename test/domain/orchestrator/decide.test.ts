import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { decide } from "../../../src/domain/orchestrator/decide.ts"
import { disagreements, histories } from "./lives.ts"

describe("decide", () => {
  it("agrees with the model over 10,000 random histories", () => {
    FastCheck.assert(
      FastCheck.property(histories, (history) => {
        expect(disagreements(decide, history)).toEqual([])
      }),
      { numRuns: Number(process.env["LIVES"] ?? 10_000) },
    )
  })
})
