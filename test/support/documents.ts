/** The examples of a document: its fenced blocks, by language, each with the heading that it stands below. */
import { readFileSync } from "node:fs"

/** An example. */
export interface Example {
  /** The heading, without its marks. */
  readonly below: string
  readonly language: string
  readonly text: string
}

/** All fenced blocks of a document, such as `docs/guide.md`. */
export const examplesOf = (document: string): ReadonlyArray<Example> => {
  const text = readFileSync(new URL(`../../${document}`, import.meta.url), "utf8")
  const found: Array<Example> = []
  let below = ""
  for (const [, heading, language = "", block = ""] of text.matchAll(
    /^#+ ([^\n]*)$|^```(\w*)\n(.*?)^```$/gms,
  ))
    if (heading === undefined) found.push({ below, language, text: block })
    else below = heading
  return found
}

/** The first example of a language below a heading. A document without it fails the test. */
export const exampleOf = (document: string, below: string, language: string): string => {
  const found = examplesOf(document).find((it) => it.below === below && it.language === language)
  if (found === undefined) throw new Error(`${document} has no ${language} below "${below}"`)
  return found.text
}

/** The examples of each numbered step (`**1. ...**`) of a section, by the step's number. */
export const stepsOf = (
  document: string,
  section: string,
): ReadonlyMap<number, ReadonlyArray<Omit<Example, "below">>> => {
  const text = readFileSync(new URL(`../../${document}`, import.meta.url), "utf8")
  const [, after = ""] = text.split(`\n## ${section}\n`)
  const [inside = ""] = after.split("\n## ")
  const [, ...parts] = inside.split(/^\*\*(?=\d+\. )/m)
  return new Map(
    parts.map((part) => [
      Number.parseInt(part, 10),
      [...part.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = "", block = ""]) => ({
        language,
        text: block,
      })),
    ]),
  )
}
