/** How Gitea reads references to issues in a text: `#5`, `owner/repo!5`, addresses of issues, and times logged on them. */

/** A reference, as written and as parsed. */
export interface Reference {
  readonly reference: string
  /** Absent: the repository that the text belongs to. */
  readonly owner?: string | undefined
  readonly repo?: string | undefined
  /** Digits without leading zeros. */
  readonly number: string
}

/** A reference by the address of an issue or a pull request. */
export interface Link extends Reference {
  /** Where the address begins. */
  readonly index: number
  /** The same, or the position of its `<`. */
  readonly opens: number
  /** Position of the last `[` before it, for an address in parentheses: `[text](address)`. */
  readonly bracket: number | undefined
  /** Equal for addresses of which one may be a prefix of the other. */
  readonly key: string
  /** The address ends after the number, so that it can be a link by itself. */
  readonly ends: boolean
  /** The address is possible in a commit message or a title: `https://host/owner/repo/issues/5` with nothing after it. */
  readonly isPlain: boolean
  /** It has no scheme. */
  readonly isPath: boolean
  /** Gitea itself never writes such an address: it has a scheme and no host, or an empty path segment before the owner. */
  readonly isOdd: boolean
  /** A Markdown element or a line may have ended directly before it. */
  readonly isBehindElement: boolean
}

const NUMBER = /(?:([\w.-]+)\/([\w.-]+))?[#!](\d+)/y
const SPACE_OR_END = "(?:[\\t\\n\\f\\r ]|$)"
const AFTER_NUMBER = new RegExp(`${SPACE_OR_END}|[)\\]'"]|[:;,.?!]${SPACE_OR_END}`, "y")
const AFTER_CROSS = new RegExp(`${SPACE_OR_END}|[)\\]]|[:;,.?!]${SPACE_OR_END}`, "y")
/** Gitea sees a line break where a Markdown element begins. */
const ELEMENT = /[:;,.?!]?(?:[*_~`[{|]|<[A-Za-z/!?]|!\[)/y

/** The reference by number at `index`. */
export const numberAt = (text: string, index: number, markdown: boolean): Reference | undefined => {
  const match = matchAt(NUMBER, text, index)
  if (match === null) return undefined
  const [reference, owner, repo, digits = ""] = match
  const end = index + reference.length
  const isWhole =
    matchAt(owner === undefined ? AFTER_NUMBER : AFTER_CROSS, text, end) !== null ||
    (markdown && matchAt(ELEMENT, text, end) !== null)
  const number = numberOf(digits)
  return isWhole && number !== undefined ? { reference, owner, repo, number } : undefined
}

const INT64_MAX = "9223372036854775807"

/** Gitea accepts any number of leading zeros, and no number larger than its own integers. */
const numberOf = (digits: string): string | undefined => {
  const number = digits.slice(leadingZeros(digits)) || "0"
  return number.length < INT64_MAX.length || (number.length === INT64_MAX.length && number <= INT64_MAX)
    ? number
    : undefined
}

const leadingZeros = (digits: string): number => /^0*/.exec(digits)?.[0].length ?? 0

/** The number may have a sign: Gitea parses it as an integer. */
const PATH = /\/(?=([\w.-]+)\/([\w.-]+)\/(issues|pulls)\/\+?(\d+))/g
const AFTER_ADDRESS = /[)\]?#<>`*_~|]|[:;,.!'"}]*(?:[\s<>)\]`*_~|]|$)/y
const AFTER_ANGLED = /(?:[)\]?#][^\s<>]*|[:;,.!]?)>/y
const BREAK = /[\s<>()]/
const DECORATION = /[*_~|`'"![\]]*/y
const PARTS = /^(?:([a-z][a-z0-9+.-]*:)|www\.)?(\/\/[^/]+)?(.*)$/is
const BEHIND_ELEMENT = /(?:[>`)\]*_~|]|(?:^|\n)[\s>*+\-\d.)#|:]*)$/
/** How many characters of an address, and of the text before it, are inspected. */
const NEAR = 2000

/** All addresses of issues and pull requests in a text, in order. */
export const linksOf = (text: string): ReadonlyArray<Link> => {
  const links: Array<Link> = []
  let scanned = 0
  let start = 0
  let hasQuery = false
  let bracket: number | undefined
  let lastBracket: number | undefined
  for (const match of text.matchAll(PATH)) {
    for (; scanned < match.index; scanned++) {
      const character = text.charAt(scanned)
      if (BREAK.test(character)) {
        start = scanned + 1
        bracket = character === "(" ? lastBracket : undefined
        hasQuery = false
      }
      if (character === "?" || character === "#") hasQuery = true
      if (character === "[") lastBracket = scanned
    }
    const [, owner = "", repo = "", kind = "", digits = ""] = match
    const number = numberOf(digits)
    if (number === undefined || hasQuery) continue
    const index = start + decoration(text, start)
    const opens = text[index - 1] === "<" ? index - 1 : index
    const numberIndex = match.index + owner.length + repo.length + kind.length + 4
    const end = numberIndex + (text[numberIndex] === "+" ? 1 : 0) + digits.length
    const [, scheme, host, path = ""] =
      PARTS.exec(text.slice(index, Math.min(match.index + 1, index + NEAR))) ?? []
    links.push({
      index,
      opens,
      bracket,
      reference: text.slice(index, Math.min(end, index + NEAR)),
      owner,
      repo,
      number,
      key: `${owner}/${repo}/${kind}/${digits.charAt(0)}`.toLowerCase(),
      ends: matchAt(opens < index ? AFTER_ANGLED : AFTER_ADDRESS, text, end) !== null,
      isPlain: /^https?:$/.test(scheme ?? "") && matchAt(AFTER_CROSS, text, end) !== null,
      isPath: scheme === undefined,
      isOdd: scheme !== undefined && (host === undefined || path.endsWith("//")),
      isBehindElement: BEHIND_ELEMENT.test(text.slice(Math.max(0, opens - 100), opens)),
    })
  }
  return links
}

/** Length of the characters at `index` that may be markup around what follows. */
export const decoration = (text: string, index: number): number =>
  matchAt(DECORATION, text, index)?.[0].length ?? 0

const NAME = /[\w.-]*/y

/** Length of what could be the start of an owner's name at `index`. */
export const nameRun = (text: string, index: number): number => matchAt(NAME, text, index)?.[0].length ?? 0

/** Whether a Markdown element without text may begin at `index`. With `atEnd`, the end of a line counts too. */
export const isElement = (text: string, index: number, atEnd: boolean): boolean =>
  /[<`[\]]/.test(text.slice(Math.max(0, index - 1), index + 1)) ||
  (atEnd && /^(?:\r?\n|$)/.test(text.slice(index, index + 2)))

const TIME_LOG =
  /(?<![^\t\n\f\r ([\])}>*_~|`])@(?:\d+(?:[.,]\d+)?[wdmh])+(?=[:;,.?!]?(?:[\t\n\f\r *_~`[{|<]|$)|[)\]])/g
const ANY_NUMBER = /(?<![^\t\n\f\r (['"\])}>*_~|`])(?:([\w.-]+)\/([\w.-]+))?[#!](\d+)/g

/** A time log such as `@1h30m`, and the reference directly before it. */
export interface TimeLog {
  readonly log: string
  readonly before: Reference | undefined
}

/** How many characters before a time log are inspected. */
const LOG_NEAR = 250
const BEFORE_LOG = /[\s(['"]((?:[\w.-]+\/[\w.-]+)?[#!]\d+)[\t\n\f\r ]+$/

/** All time logs in a text, in order. */
export function* timeLogs(text: string): Generator<TimeLog> {
  for (const { 0: log, index } of text.matchAll(TIME_LOG)) {
    const near = index < LOG_NEAR ? ` ${text.slice(0, index)}` : text.slice(index - LOG_NEAR, index)
    const [, reference = ""] = BEFORE_LOG.exec(near) ?? []
    yield { log, before: numberAt(reference, 0, true) }
  }
}

/** All references in a text that the forge could recognise. */
export const referencesOf = (text: string): ReadonlyArray<Reference> => [
  ...[...text.matchAll(ANY_NUMBER)].flatMap(({ index }) => numberAt(text, index, true) ?? []),
  ...linksOf(text).filter(({ ends }) => ends),
]

const matchAt = (pattern: RegExp, text: string, index: number): RegExpExecArray | null => {
  pattern.lastIndex = index
  return pattern.exec(text)
}
