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

const KEYWORD = "close[sd]?|fix(?:e[sd])?|resolve[sd]?|reopen(?:s|ed)?"
const NAME = "[A-Za-z0-9_.-]+"
/** More than Gitea takes as a reference (any white space, brackets, code spans): refusing too much costs a rewording, too little an issue. */
const PATTERN = new RegExp(
  `(?<![A-Za-z0-9_])(${KEYWORD})\\s*:?\\s*[([{"'<\`*_]*` +
    `(?:(?:(${NAME})/(${NAME}))?[#!](\\d+)|(https?://\\S*?/(${NAME})/(${NAME})/(?:issues|pulls?)/(\\d+)))`,
  "gi",
)

/** The first closing reference of `text` to something outside the scope, or undefined. Names compare without case, as on Gitea. */
export const closingReferenceOutside = (text: string, scope: ClosingScope): ClosingReference | undefined => {
  for (const match of text.matchAll(PATTERN)) {
    const [whole, keyword = "", owner, repo, number, url, urlOwner, urlRepo, urlNumber] = match
    const inRepository =
      sameName(owner ?? urlOwner ?? scope.owner, scope.owner) &&
      sameName(repo ?? urlRepo ?? scope.repo, scope.repo)
    if (inRepository && scope.writable.includes(Number(number ?? urlNumber))) continue
    return { keyword, reference: url ?? whole.slice(whole.search(REFERENCE_START)) }
  }
  return undefined
}

const REFERENCE_START = new RegExp(`(?:${NAME}/${NAME})?[#!]\\d+$`)

const sameName = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()
