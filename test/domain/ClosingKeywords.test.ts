import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc, Schema } from "effect"
import { readFileSync } from "node:fs"
import { closingReferenceOutside } from "../../src/domain/ClosingKeywords.ts"

const scope = { owner: "ada", repo: "cellar", writable: [17, 42] }
const find = (text: string) => closingReferenceOutside(text, scope)

/** A text, and what a real Gitea does with it. */
const Recorded = Schema.Struct({
  kind: Schema.Literal("md", "plain"),
  text: Schema.String,
  acts: Schema.Array(Schema.Unknown),
})
const recorded = readFileSync(new URL("../fixtures/gitea/closing-keywords.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => Schema.decodeUnknownSync(Schema.parseJson(Recorded))(line))

const WORDS = ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"]
const folded = (word: string) =>
  fc
    .array(fc.constantFrom("lower", "upper", "folded"), { minLength: word.length, maxLength: word.length })
    .map((forms) =>
      [...word]
        .map((letter, at) =>
          forms[at] === "upper"
            ? letter.toUpperCase()
            : forms[at] === "folded" && letter === "s"
              ? "ſ"
              : letter,
        )
        .join(""),
    )
const keyword = fc.constantFrom(...WORDS, "reopen", "reopens", "reopened").chain(folded)
const colon = fc.constantFrom(" ", ": ")
const zeros = fc.integer({ min: 0, max: 60 }).map((count) => "0".repeat(count))
const outside = fc
  .tuple(
    zeros,
    fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).filter((n) => n !== 17n && n !== 42n),
  )
  .map(([before, n]) => `${before}${n}`)
const reference = fc.oneof(
  outside.map((n) => `#${n}`),
  outside.map((n) => `!${n}`),
  outside.map((n) => `ada/cellar#${n}`),
  fc.constantFrom("17", "42", "0017").map((n) => `eve/other#${n}`),
  outside.map((n) => `https://git.example.org/ada/cellar/issues/${n}`),
  outside.map((n) => `https://git.example.org/sub/ada/cellar/pulls/${n}`),
)
const angled = fc
  .tuple(fc.constantFrom("http", "scheme", "a.b-c+d"), fc.constantFrom("issues", "pulls"), outside)
  .map(([scheme, kind, n]) => `${scheme}:////ada/cellar/${kind}/${n}`)
const harmless = fc.stringMatching(/^[a-z ,.\n]{0,40}$/)
const before = fc.constantFrom(
  "",
  " ",
  "\n",
  "(",
  "[",
  "\t",
  "a ",
  "**",
  "> ",
  "- ",
  "| ",
  "<b>",
  "`x`",
  "[x](y)",
)
const after = fc.constantFrom("", " ", "\n", ")", "]", ". ", "!\n", ", and", "**", "<br>", "`x`")

describe("closing keywords", () => {
  it("misses none of the texts on which a real Gitea acts, and refuses few of its harmless ones", () => {
    const refused = recorded.map(({ text, kind, acts }) => ({
      text,
      acts: acts.length > 0,
      refused: find(text) !== undefined,
      refusedByKind: closingReferenceOutside(text, scope, { kind }) !== undefined,
    }))
    expect(recorded.length).toBe(4000)
    const closers = refused.filter(({ acts }) => acts)
    expect(closers.length).toBe(2500)
    expect(closers.filter((text) => !text.refused || !text.refusedByKind)).toEqual([])
    const others = refused.filter(({ acts }) => !acts)
    expect(others.filter((text) => text.refused).length).toBeLessThanOrEqual(186)
    expect(others.filter((text) => text.refusedByKind).length).toBeLessThanOrEqual(161)
  })

  it("finds every closing word before a reference out of scope, wherever it stands", () => {
    fc.assert(
      fc.property(
        harmless,
        before,
        keyword,
        colon,
        reference,
        after,
        harmless,
        (a, b, word, sep, ref, c, d) => {
          expect(find(`${a}\n${b}${word}${sep}${ref}${c}${c === "" ? "\n" : ""}${d}`)).toEqual({
            keyword: word,
            reference: ref,
          })
        },
      ),
      { numRuns: 1000 },
    )
  })

  it("finds them where Markdown's line breaks cut them, at any place", () => {
    fc.assert(
      fc.property(
        keyword,
        colon,
        outside.map((n) => `#${n}`),
        fc.nat(),
        fc.constantFrom("\\\n", "\\\r\n", "\\\n  > "),
        (word, sep, ref, at, lineBreak) => {
          const text = `${word}${sep}${ref}`
          const cut = 1 + (at % (text.length - 1))
          // Markdown drops the space that a line begins with.
          fc.pre(text.charAt(cut) !== " ")
          expect(find(`a ${text.slice(0, cut)}${lineBreak}${text.slice(cut)}`)).toBeDefined()
        },
      ),
      { numRuns: 500 },
    )
    expect(find("closes #17  \n5")).toEqual({ keyword: "closes", reference: "#175" })
    expect(find("clo   \n   ses #5")).toBeDefined()
  })

  it("finds addresses that Gitea writes into the text, past markup that holds no text", () => {
    const nothing = fc.constantFrom(
      "",
      "<b>",
      "<!-- x -->",
      "`x`",
      "![](x)",
      "[x](y)",
      "**",
      "`a b`\n\n",
      "~~<i>",
    )
    fc.assert(
      fc.property(keyword, colon, nothing, angled, (word, sep, gap, address) => {
        expect(find(`${word}${sep}${gap}<${address}>`)).toEqual({ keyword: word, reference: address })
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ["closes ot<x:////her/repo/issues/5>"],
    ["closes ot\n\n<x:////her/repo/issues/5>"],
    ["closes ad<x:////a/cellar/issues/17>"],
    ["closes http://git.example.org//o/r/issues/5"],
    ["closes [text](/o/r/issues/5)"],
    ["closes [text](/o/r/issues/+5)"],
    ["closes [text] and more (https://git.example.org/o/r/issues/5)"],
    ["closes /ada/cellar/issues/17 [x](/ada/cellar/issues/1)"],
    ["xreſolveſ: #5"],
    ["closes #17, fixes #99"],
    ["(fixes #5)"],
    ["closes 'x' closes\tcloses #5"],
  ])("refuses %j", (text) => expect(find(text)).toBeDefined())

  it("lets the run's own issue and PR be closed, by every way to write them", () => {
    fc.assert(
      fc.property(
        keyword,
        colon,
        fc.constantFrom(
          "#17",
          "#0000000000000000000000017",
          "!42",
          "ada/cellar#17",
          "Ada/Cellar#42",
          "https://h/ada/cellar/issues/17",
          "[x](https://h/ada/cellar/issues/17)",
          "<x:////ada/cellar/issues/17>",
          "#17 @1h30m",
        ),
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
    ["closes [#5](x)"],
    ["it fixes `#5`"],
    ["Resolves:\t#5"],
    ["closes  #5"],
    ["closes the gap (#5)"],
    ["closes #99999999999999999999"],
    ["closes #5x"],
    ["closes #17 and #5"],
    ["fixes [t](https://h/ada/cellar/issues/17), see https://h/ada/cellar/issues/5"],
  ])("lets %j pass, which Gitea does not act on", (text) => expect(find(text)).toBeUndefined())

  it("refuses to log time on what is out of scope", () => {
    const time = fc.constantFrom("@1h", "@2h30m", "@1.5h", "@1,5d", "@1w2d3h4m", "@0m")
    fc.assert(
      fc.property(
        reference,
        time,
        fc.constantFrom(" ", "\n", ", then ", " (", " for `x` "),
        (ref, log, gap) => {
          const found = { keyword: log, reference: ref }
          expect(find(`${ref}${gap}${log}`)).toEqual(found)
          expect(find(`see ${ref}, or \`#17\`: ${log}`)).toEqual(found)
          expect(find(`${log} ${ref}`)).toEqual(found)
          expect(find(`#17 ${log}, as in ${ref}`)).toBeUndefined()
        },
      ),
    )
  })

  it("knows the words that the operator adds, as Gitea reads them", () => {
    const german = { keywords: ["schließt", "İptal", "k", "not a word", "a|b"] }
    for (const text of ["Schließt #5", "SCHLIEẞT: #5", "iptal #5", "\u212A #5"]) {
      expect(closingReferenceOutside(text, scope, german), text).toBeDefined()
      expect(find(text), text).toBeUndefined()
    }
    expect(closingReferenceOutside("schließt #17, b #5", scope, german)).toBeUndefined()
  })

  it("takes time that grows with the text, however it is made", () => {
    const repeated = (part: string) => part.repeat(Math.ceil(2 ** 20 / part.length))
    const parts = [
      "closes ",
      "closes https://",
      "fix:",
      "closes [(",
      "closes <b>",
      "#17 @1h ",
      "@1",
      " ",
      "  \n",
      "[",
      "a/",
    ]
    const longer = [
      "/a/b/issues/1",
      "closes [x](/ada/cellar/issues/17) ",
      "closes ot<b>\n- <x:////o/r/issues/17>",
      "0",
    ]
    for (const part of [...parts, ...longer]) {
      const start = performance.now()
      find(repeated(part))
      find(`closes ${repeated(part)}`)
      find(`closes #${repeated(part)}`)
      expect(performance.now() - start, part).toBeLessThan(15_000)
    }
  })
})
