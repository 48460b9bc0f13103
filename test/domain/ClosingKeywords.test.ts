import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { closingReferenceOutside } from "../../src/domain/ClosingKeywords.ts"

const scope = { owner: "ada", repo: "cellar", writable: [17, 42] }
const find = (text: string) => closingReferenceOutside(text, scope)

const keyword = fc
  .constantFrom(
    "close",
    "closes",
    "closed",
    "fix",
    "fixes",
    "fixed",
    "resolve",
    "resolves",
    "resolved",
    "reopens",
  )
  .chain((word) => fc.constantFrom(word, word.toUpperCase(), word[0]?.toUpperCase() + word.slice(1)))
const colon = fc.constantFrom(" ", ": ")
const outside = fc.integer({ min: 1, max: 1e6 }).filter((n) => !scope.writable.includes(n))
const reference = fc.oneof(
  outside.map((n) => `#${n}`),
  outside.map((n) => `!${n}`),
  outside.map((n) => `ada/cellar#${n}`),
  fc.constantFrom(17, 42, 3).map((n) => `eve/other#${n}`),
  outside.map((n) => `https://git.example.org/ada/cellar/issues/${n}`),
  outside.map((n) => `https://git.example.org/sub/ada/cellar/pulls/${n}`),
)
const harmless = fc.stringMatching(/^[a-z ,.\n]{0,40}$/)

describe("closing keywords", () => {
  it("finds every closing word before a reference out of scope, wherever it stands", () => {
    fc.assert(
      fc.property(harmless, keyword, colon, reference, harmless, (before, word, sep, ref, after) => {
        const found = find(`${before}\n${word}${sep}${ref} ${after}`)
        expect(found).toEqual({ keyword: word, reference: ref })
      }),
      { numRuns: 500 },
    )
  })

  it("lets the run's own issue and PR be closed, by every way to write them", () => {
    fc.assert(
      fc.property(
        keyword,
        colon,
        fc.constantFrom("#17", "!42", "ada/cellar#17", "Ada/Cellar#42", "https://h/ada/cellar/issues/17"),
        (word, sep, ref) => {
          expect(find(`${word}${sep}${ref}`)).toBeUndefined()
        },
      ),
    )
  })

  it("lets a reference without a closing word pass", () => {
    fc.assert(
      fc.property(reference, (ref) => {
        expect(find(`see ${ref}, enclosed ${ref}, prefix ${ref}`)).toBeUndefined()
      }),
    )
  })

  it.each([
    ["closes [#5](x)", "#5"],
    ["it fixes `#5`", "#5"],
    ["(fixes #5)", "#5"],
    ["closes #17, fixes #99", "#99"],
    ["Resolves:\t#5", "#5"],
  ])("refuses %s", (text, ref) => expect(find(text)?.reference).toBe(ref))

  it("takes no long time over a text made to be slow", () => {
    const start = performance.now()
    find("closes ".repeat(100_000))
    find(`closes https://${"a/".repeat(100_000)}`)
    find(`closes ${" ".repeat(200_000)}x`)
    find(`closes ${"[".repeat(200_000)}x`)
    find("fix".repeat(100_000) + "a/".repeat(100_000))
    find("closes " + "a".repeat(200_000))
    find("closes https://".repeat(70_000))
    find("fixhttps://".repeat(95_000))
    find("fix:".repeat(260_000))
    expect(performance.now() - start).toBeLessThan(5000)
  })
})
