import { it } from "@effect/vitest"
import { Schema } from "effect"
import { describe, expect } from "vitest"
import { freeLabel, LABEL_MAX, mintSlug, normalizeLabel, Slug } from "../../src/domain/Slug.ts"

const isSlug = Schema.is(Slug)

describe("a label", () => {
  it("is lower-cased, other runs become -, trimmed and cut to 34", () => {
    const cases: Record<string, string> = {
      "Fix the Door!": "fix-the-door",
      "--a__b--": "a-b",
      "🍾 wine 🍾": "wine",
      "🍾": "",
      "": "",
      [`${"x".repeat(33)} tail`]: "x".repeat(33),
      [`-${"x".repeat(300)}`]: "x".repeat(34),
    }
    expect(Object.keys(cases).map(normalizeLabel)).toEqual(Object.values(cases))
  })

  it.prop("is empty or makes a slug, whatever was typed", [Schema.String], ([text]) => {
    const label = normalizeLabel(text)
    return label === "" || isSlug(mintSlug(label, "abcde"))
  })

  it.prop(
    "gets the first free number, and stays within 34",
    [Schema.String, Schema.Array(Schema.String)],
    ([text, others]) => {
      const label = normalizeLabel(text) || "x"
      const taken = new Set([label, freeLabel(label, new Set([label])), ...others.map(normalizeLabel)])
      const free = freeLabel(label, taken)
      return !taken.has(free) && free.length <= LABEL_MAX && isSlug(mintSlug(free, "zzzzz"))
    },
  )

  it("that is free stays as it is, a long one is cut for its number", () => {
    expect(freeLabel("door", new Set())).toBe("door")
    expect(freeLabel("door", new Set(["door"]))).toBe("door-2")
    expect(freeLabel("x".repeat(34), new Set(["x".repeat(34)]))).toBe(`${"x".repeat(32)}-2`)
  })
})

it("a slug is refused when it is too long, empty, or has anything else in it", () => {
  expect(["", "-a", "A", "a_b", "a/b", "a\n", "x".repeat(41)].filter((text) => isSlug(text))).toEqual([])
  expect(["a", "0", "a-", "x".repeat(40)].every((text) => isSlug(text))).toBe(true)
})
