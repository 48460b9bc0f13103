/** Words before a reference by which a forge closes or reopens an issue when a text is merged or posted. */

/** Which references a text may close: numbers of the run's own repository. */
export interface ClosingScope {
  readonly owner: string
  readonly repo: string
  readonly writable: ReadonlyArray<number>
}

/** A closing word and what it would close, as written. */
export interface ClosingReference {
  readonly keyword: string
  readonly reference: string
}

const KEYWORD = /(?<![A-Za-z0-9_])(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|reopen(?:s|ed)?)/gi

/**
 * What stands between the word and its reference. More than Gitea takes (any white space, brackets, code spans):
 * refusing too much costs a rewording, too little an issue. Every repetition is bounded: the text is an agent's, of up
 * to 1 MiB, and must not be able to keep us busy.
 */
const BETWEEN = /\s{0,20}:?\s{0,20}[([{"'<`*_]{0,8}/y
const NUMBER = /(?:([A-Za-z0-9_.-]{1,100})\/([A-Za-z0-9_.-]{1,100}))?[#!](\d{1,16})/y
const URL = /https?:\/\/[^\s)\]>"'`]{1,600}/iy
const URL_PATH = /\/([A-Za-z0-9_.-]{1,100})\/([A-Za-z0-9_.-]{1,100})\/(?:issues|pulls?)\/(\d{1,16})/i

/** The first closing reference of `text` to something outside the scope, or undefined. Names compare without case, as on Gitea. */
export const closingReferenceOutside = (text: string, scope: ClosingScope): ClosingReference | undefined => {
  for (const { 0: keyword, index } of text.matchAll(KEYWORD)) {
    const start = index + keyword.length + (matchAt(BETWEEN, text, index + keyword.length)?.[0].length ?? 0)
    const found = referenceAt(text, start)
    if (found !== undefined && !isInScope(found, scope)) return { keyword, reference: found.reference }
  }
  return undefined
}

interface Reference {
  readonly reference: string
  readonly owner: string | undefined
  readonly repo: string | undefined
  readonly number: number
}

const referenceAt = (text: string, start: number): Reference | undefined => {
  const url = matchAt(URL, text, start)
  const match = url === null ? matchAt(NUMBER, text, start) : URL_PATH.exec(url[0])
  if (match === null) return undefined
  const [reference, owner, repo, number] = match
  return { reference: url === null ? reference : url[0], owner, repo, number: Number(number) }
}

const isInScope = ({ owner, repo, number }: Reference, scope: ClosingScope): boolean =>
  isSameName(owner, scope.owner) && isSameName(repo, scope.repo) && scope.writable.includes(number)

const isSameName = (name: string | undefined, other: string): boolean =>
  name === undefined || name.toLowerCase() === other.toLowerCase()

const matchAt = (pattern: RegExp, text: string, index: number): RegExpExecArray | null => {
  pattern.lastIndex = index
  return pattern.exec(text)
}
