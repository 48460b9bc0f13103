/** Finds references by which Gitea would close, reopen or log time on an issue when a text is posted, pushed or merged. */
import {
  type Link,
  type Reference,
  decoration,
  isElement,
  linksOf,
  nameRun,
  numberAt,
  referencesOf,
  timeLogs,
} from "./ForgeReferences.ts"

/** Which references a text may close: numbers in the run's own repository. */
export interface ClosingScope {
  readonly owner: string
  readonly repo: string
  readonly writable: ReadonlyArray<number>
}

/** A closing keyword or a time log such as `@1h`, and the reference that it acts on, as written. */
export interface ClosingReference {
  readonly keyword: string
  readonly reference: string
}

/** How a text is read. */
export interface ClosingOptions {
  /** Closing keywords of this forge in addition to Gitea's own; letters only. */
  readonly keywords?: ReadonlyArray<string> | undefined
  /** `plain`: read as Gitea reads commit messages and titles. Otherwise as Markdown, which refuses everything that `plain` refuses. */
  readonly kind?: "md" | "plain" | undefined
  /** Whether the forge is served below a path of its host, such as `/git/`. */
  readonly subPath?: boolean | undefined
}

const WORDS = [
  "close",
  "closes",
  "closed",
  "fix",
  "fixes",
  "fixed",
  "resolve",
  "resolves",
  "resolved",
  "reopen",
  "reopens",
  "reopened",
]

/** Gitea ignores configured keywords with anything but letters. */
export const isClosingKeyword = (word: string): boolean => /^\p{L}{1,100}$/u.test(word)

/** Go lower-cases `İ` to `i` before it builds its pattern; JavaScript does not treat the two as the same. */
const goLowerCase = (word: string): string => word.replaceAll("İ", "i").toLowerCase()

/** `u` with `i` folds case as Go does: `ſ` is an s, the Kelvin sign a k. */
const patternOf = (extra: ReadonlyArray<string>): RegExp =>
  new RegExp(`(${[...WORDS, ...extra.filter(isClosingKeyword).map(goLowerCase)].join("|")}):? `, "giu")

const GITEA_WORDS = patternOf([])

/**
 * The first reference in `text` to something outside the scope that the forge would act on. Names are compared case-insensitively, as
 * on Gitea.
 */
export const closingReferenceOutside = (
  text: string,
  scope: ClosingScope,
  options: ClosingOptions = {},
): ClosingReference | undefined => {
  const { keywords = [], kind } = options
  const words = keywords.length === 0 ? GITEA_WORDS : patternOf(keywords)
  const readings = kind === "plain" ? [text] : [text, ...joined(text)]
  for (const reading of readings) {
    const found = closing(reading, words, scope, options) ?? timeLogged(reading, scope)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Markdown's hard line breaks vanish when Gitea strips the markup: `clo\` and `ses #5` on two lines become one word, and `#17` followed
 * by two spaces and `5` on the next line becomes #175.
 */
const joined = (text: string): ReadonlyArray<string> => {
  let isJoined = false
  let reading = ""
  for (const [at, line] of text.split("\n").entries()) {
    const content = line.endsWith("\r") ? line.slice(0, -1) : line
    const kept = content.endsWith("\\")
      ? content.slice(0, -1)
      : content.endsWith("  ")
        ? content.trimEnd()
        : undefined
    const separator = at === 0 || isJoined ? "" : "\n"
    const own = kept ?? line
    reading += separator + (isJoined ? own.slice(/^[ \t>]*/.exec(own)?.[0].length ?? 0) : own)
    isJoined = kept !== undefined
  }
  return reading === text ? [] : [reading]
}

const closing = (
  text: string,
  words: RegExp,
  scope: ClosingScope,
  options: ClosingOptions,
): ClosingReference | undefined => {
  const markdown = options.kind !== "plain"
  let linkAfter: ((start: number) => Reference | undefined) | undefined
  for (const match of text.matchAll(words)) {
    const [whole, keyword = ""] = match
    if (!isFree(text, match.index, keyword, markdown)) continue
    const start = match.index + whole.length
    const numbered = numberAt(text, start, markdown)
    linkAfter ??= linkFinder(text, scope, options)
    const found = numbered !== undefined && !isInScope(numbered, scope) ? numbered : linkAfter(start)
    if (found !== undefined) return { keyword, reference: found.reference }
  }
  return undefined
}

const PLAIN_BEFORE = /[\t\n\f\r ([]/
/** Gitea sees a line break where a Markdown element begins or ends. */
const MARKDOWN_BEFORE = /[\t\n\f\r ([\])}>*_~|`]/

/**
 * Whether a keyword stands alone. With letters that fold to fewer bytes it may follow anything: Gitea searches for keywords in a window
 * whose size is counted in bytes of the configured keywords, and takes the start of the window for the start of the text.
 */
const isFree = (text: string, index: number, keyword: string, markdown: boolean): boolean =>
  index === 0 ||
  (markdown ? MARKDOWN_BEFORE : PLAIN_BEFORE).test(text[index - 1] ?? "") ||
  keyword.replace(/[^\u017F\u212A]/g, "").replaceAll("\u212A", "kk").length > 1

/** For ascending positions after a keyword, returns the out-of-scope address that Gitea may apply the keyword to. */
const linkFinder = (
  text: string,
  scope: ClosingScope,
  { kind, subPath = false }: ClosingOptions,
): ((start: number) => Link | undefined) => {
  const links = linksOf(text)
  const isOutside = (link: Link) => link.ends && !isInScope(link, scope)
  if (kind === "plain") {
    const plain = groupBy(
      links.filter(({ isPlain }) => isPlain),
      ({ index }) => index,
    )
    return (start) => plain.get(start)?.find(isOutside)
  }
  const named = groupBy(links, ({ index, bracket }) => bracket ?? index)
  const outside = groupBy(links.filter(isOutside), ({ key }) => key)
  const written = links.filter((link) => link.ends && (link.isOdd || (subPath && !link.isPath)))
  const nextWritten = ascending(written.filter((link) => link.isBehindElement))
  const nextWrittenOutside = ascending(written.filter((link) => link.isBehindElement && isOutside(link)))
  const writtenAt = groupBy(written, ({ opens }) => opens)
  return (start) => {
    for (const link of named.get(start) ?? []) {
      if (isOutside(link) && (link.bracket !== undefined || !link.isPath)) return link
      // Gitea looks for the keyword before the first occurrence of the address in the text, which may be inside a longer address.
      const other = outside.get(link.key)?.find(({ index }) => index !== link.index)
      if (other !== undefined) return other
    }
    const run = nameRun(text, start)
    const behind = start + run + decoration(text, start + run)
    const adjacent = writtenAt.get(behind)?.find((link) => run > 0 || isOutside(link))
    if (adjacent !== undefined || !isElement(text, behind, run > 0)) return adjacent
    return run > 0 ? nextWritten(behind) : nextWrittenOutside(behind)
  }
}

const groupBy = <K, A>(items: ReadonlyArray<A>, keyOf: (item: A) => K): ReadonlyMap<K, ReadonlyArray<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else if (group.length < 2) group.push(item)
  }
  return groups
}

/** Returns the next link for positions that only increase. */
const ascending = (links: ReadonlyArray<Link>) => {
  let at = 0
  return (start: number): Link | undefined => {
    while ((links[at]?.index ?? Infinity) < start) at++
    return links[at]
  }
}

/** Time is logged on the reference before it in the text without markup. Which one that is is only certain where the two touch. */
const timeLogged = (text: string, scope: ClosingScope): ClosingReference | undefined => {
  for (const { log, before } of timeLogs(text)) {
    if (before !== undefined && isInScope(before, scope)) continue
    const reference = before ?? referencesOf(text).find((other) => !isInScope(other, scope))
    return reference && { keyword: log, reference: reference.reference }
  }
  return undefined
}

const isInScope = ({ owner, repo, number }: Reference, scope: ClosingScope): boolean =>
  isSameName(owner, scope.owner) &&
  isSameName(repo, scope.repo) &&
  scope.writable.some((writable) => String(writable) === number)

const isSameName = (name: string | undefined, other: string): boolean =>
  name === undefined || name.toLowerCase() === other.toLowerCase()
