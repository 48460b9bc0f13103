/** How Gitea reads references to issues in a text: `#5`, `owner/repo!5`, addresses of issues, and times logged on them. */

/** A reference, as written and as read. */
export interface Reference {
  readonly reference: string
  /** Absent: the repository of the text. */
  readonly owner?: string | undefined
  readonly repo?: string | undefined
  /** Digits without leading zeros. */
  readonly number: string
}

/** A reference by the address of an issue or a pull request. */
export interface Link extends Reference {
  /** Where the address begins. */
  readonly index: number
  /** The same, or where its `<` stands. */
  readonly opens: number
  /** Where the last `[` before it stands, for one in parentheses: `[text](address)`. */
  readonly bracket: number | undefined
  /** Equal for addresses of which one may be the beginning of the other. */
  readonly key: string
  /** The address ends behind the number, so that it can be a link of its own. */
  readonly ends: boolean
  /** A commit message or a title may have it: `https://host/owner/repo/issues/5` and nothing behind. */
  readonly isPlain: boolean
  /** It has no scheme. */
  readonly isPath: boolean
  /** Gitea itself writes no such address: it has a scheme and no host, or an empty step before the owner. */
  readonly isOdd: boolean
  /** An element of Markdown, or a line, may have ended directly before it. */
  readonly isBehindElement: boolean
}

const NUMBER = /(?:([\w.-]+)\/([\w.-]+))?[#!](\d+)/y
const SPACE_OR_END = "(?:[\\t\\n\\f\\r ]|$)"
const AFTER_NUMBER = new RegExp(`${SPACE_OR_END}|[)\\]'"]|[:;,.?!]${SPACE_OR_END}`, "y")
const AFTER_CROSS = new RegExp(`${SPACE_OR_END}|[)\\]]|[:;,.?!]${SPACE_OR_END}`, "y")
/** Where an element of Markdown begins, Gitea's reading has a line break. */
const ELEMENT = /[:;,.?!]?(?:[*_~`[{|]|<[A-Za-z/!?]|!\[)/y

/** The reference by number that stands at `index`. */
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

/** Gitea takes any number of zeros before, and no number that is larger than its own integers. */
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
/** How much of an address and of what is before it is looked at. */
const NEAR = 2000

/** Every address of an issue or a pull request in a text, in order. */
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

/** Length of what could be the first part of an owner's name at `index`. */
export const nameRun = (text: string, index: number): number => matchAt(NAME, text, index)?.[0].length ?? 0

/** Whether an element of Markdown that holds no text may begin at `index`; the end of a line counts for `atEnd`. */
export const isElement = (text: string, index: number, atEnd: boolean): boolean =>
  /[<`[\]]/.test(text.slice(Math.max(0, index - 1), index + 1)) ||
  (atEnd && /^(?:\r?\n|$)/.test(text.slice(index, index + 2)))

const TIME_LOG =
  /(?<![^\t\n\f\r ([\])}>*_~|`])@(?:\d+(?:[.,]\d+)?[wdmh])+(?=[:;,.?!]?(?:[\t\n\f\r *_~`[{|<]|$)|[)\]])/g
const ANY_NUMBER = /(?<![^\t\n\f\r (['"\])}>*_~|`])(?:([\w.-]+)\/([\w.-]+))?[#!](\d+)/g

/** A time log, such as `@1h30m`, and the reference that stands directly before it. */
export interface TimeLog {
  readonly log: string
  readonly before: Reference | undefined
}

/** How much before a time log is looked at. */
const LOG_NEAR = 250
const BEFORE_LOG = /[\s(['"]((?:[\w.-]+\/[\w.-]+)?[#!]\d+)[\t\n\f\r ]+$/

/** Every time log of a text, in order. */
export function* timeLogs(text: string): Generator<TimeLog> {
  for (const { 0: log, index } of text.matchAll(TIME_LOG)) {
    const near = index < LOG_NEAR ? ` ${text.slice(0, index)}` : text.slice(index - LOG_NEAR, index)
    const [, reference = ""] = BEFORE_LOG.exec(near) ?? []
    yield { log, before: numberAt(reference, 0, true) }
  }
}

/** Every reference of a text that could be one for the forge. */
export const referencesOf = (text: string): ReadonlyArray<Reference> => [
  ...[...text.matchAll(ANY_NUMBER)].flatMap(({ index }) => numberAt(text, index, true) ?? []),
  ...linksOf(text).filter(({ ends }) => ends),
]

const matchAt = (pattern: RegExp, text: string, index: number): RegExpExecArray | null => {
  pattern.lastIndex = index
  return pattern.exec(text)
}
