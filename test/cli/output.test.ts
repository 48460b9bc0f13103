import { expect, it } from "vitest"
import { ago, table } from "../../src/cli/output.ts"
import { neutral, neutralLine } from "../../src/domain/Neutral.ts"

it("control characters of an agent do not reach a terminal", () => {
  expect(neutral("a\u001b[2Jb\u0007c\u009bd\r\n\te\u202e")).toBe("a␛[2Jb␇c\\u{9b}d␍\n\te\\u{202e}")
  expect(neutralLine("two\nlines\u001b")).toBe("two lines␛")
})

it("a table is aligned by its widest cell, and a cell stays on its line", () => {
  expect(
    table(
      ["A", "LONG"],
      [
        ["x\ny", "1"],
        ["xxxxx", "2"],
      ],
    ),
  ).toBe("A      LONG\nx y    1\nxxxxx  2")
})

it("ages are told in one unit", () => {
  const now = Date.parse("2026-01-02T00:00:00Z")
  expect(
    ["2026-01-01T23:59:58Z", "2026-01-01T23:00:00Z", "2026-01-01T12:00:00Z", ""].map((at) => ago(at, now)),
  ).toEqual(["2 s ago", "60 min ago", "12 h ago", "-"])
})
