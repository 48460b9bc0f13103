import { Duration, Option, Schema } from "effect"
import { expect, it } from "vitest"
import { durationOf } from "../../src/domain/durationOf.ts"
import { Limits } from "../../src/domain/Manifest.ts"
import { DurationText } from "../../src/domain/orchestrator/DurationText.ts"

it("durations are read as docker writes them, and as Effect does", () => {
  const millis = (text: string) => Option.getOrUndefined(Option.map(durationOf(text), Duration.toMillis))
  expect(["45m", "1h30m", "90s", "2d", "500ms", "1.5h", " 1m30s "].map(millis)).toEqual([
    2_700_000, 5_400_000, 90_000, 172_800_000, 500, 5_400_000, 90_000,
  ])
  expect(["45 minutes", "2 hours"].map(millis)).toEqual([2_700_000, 7_200_000])
  expect(["45", "m", "1h 30m", "-5m", "1h30", "soon", ""].map(millis)).toEqual(Array(7).fill(undefined))
})

it("limits of a manifest and keys of orchestrator.yaml take them", () => {
  const limits = Schema.decodeUnknownSync(Limits)
  expect(limits({ timeout: "45m", idleTimeout: "1h30m" })).toEqual({ timeout: "45m", idleTimeout: "1h30m" })
  expect(() => limits({ timeout: "0s" })).toThrow(/such as 30 minutes or 1h30m/)
  expect(Duration.toMillis(Schema.decodeUnknownSync(DurationText)("1h30m"))).toBe(5_400_000)
})
