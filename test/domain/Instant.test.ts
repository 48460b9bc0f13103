import { expect, it } from "@effect/vitest"
import { BEFORE_ALL, instantOf } from "../../src/domain/Instant.ts"

const TEN = Date.UTC(2026, 10, 20, 10)

it.each([
  ["2026-11-20T10:00:00Z", TEN],
  ["2026-11-20T10:00:00.250Z", TEN + 250],
  ["2026-11-20T12:00:00+02:00", TEN],
  ["2026-11-20T12:00+02:00", TEN],
  ["2026-11-20 04:30:00-05:30", TEN],
  ["2026-11-20", Date.UTC(2026, 10, 20)],
  ["1969-12-31T23:59:59Z", -1000],
  ["0001-01-01T00:00:00Z", -62_135_596_800_000],
])("%s is an instant, whatever its offset", (text, instant) => {
  expect(instantOf(text)).toBe(instant)
})

it("a time without an offset is in UTC, wherever it is read", () => {
  expect(instantOf("2026-11-20T10:00:00")).toBe(TEN)
})

it.each([
  "",
  " ",
  "1",
  "soon",
  "Tue, 20 Nov 2026 10:00:00 GMT",
  "2026-13-40T99:99:99Z",
  "2026-11-20T",
  "x2026-11-20",
])("%j is no time, and counts as before all of them", (text) => {
  expect(instantOf(text)).toBe(BEFORE_ALL)
  expect(instantOf(text)).toBeLessThan(instantOf("-271821-04-20T00:00:00Z"))
})
