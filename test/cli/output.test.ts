import { expect, it } from "vitest"
import { ago, rendered, table } from "../../src/cli/output.ts"
import { neutral, neutralJson, neutralLine } from "../../src/domain/Neutral.ts"

it("what a terminal obeys or does not show is made visible, and stays the same value as JSON", () => {
  expect(neutral("a\u001b[2Jb\u0007c\u009bd\r\n\te\u202e")).toBe("a␛[2Jb␇c\\u{9b}d␍\n\te\\u{202e}")
  expect(neutralLine("two\nlines\u001b")).toBe("two lines␛")
  const hidden =
    "\u007f\u0085\u009b\u00ad\u061c\u200b\u200d\u200f\u2028\u2029\u2060\u2066\u3164\ufeff\ufff9\u{e0041}"
  for (const char of hidden) expect(neutral(`a${char}b`)).toMatch(/^a(?:␡|\\u\{[0-9a-f]+\})b$/)
  const json = neutralJson(JSON.stringify({ hidden, plain: "żółw 🦊 ✔️" }))
  expect(json).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u3164]+$/u)
  expect(JSON.parse(json)).toEqual({ hidden, plain: "żółw 🦊 ✔️" })
  expect(neutral("żółw 🦊 ✔️")).toBe("żółw 🦊 ✔️")
})

it("a table is aligned by its widest cell, and a cell stays on its line", () => {
  expect(
    rendered(
      table(
        ["A", "LONG"],
        [
          ["x\ny", "1"],
          ["xxxxx", "2"],
        ],
      ),
    ),
  ).toBe("A      LONG\nx y    1\nxxxxx  2")
})

it("ages are told in one unit", () => {
  const now = Date.parse("2026-01-02T00:00:00Z")
  expect(
    ["2026-01-01T23:59:58Z", "2026-01-01T23:00:00Z", "2026-01-01T12:00:00Z", ""].map((at) => ago(at, now)),
  ).toEqual(["2 s ago", "60 min ago", "12 h ago", "-"])
})
