/** Which refs a bottle may push: full ref names, `*` at the end for everything below. */

/** What a bottle may push unless its manifest says otherwise: its own branch, and branches below it. */
export const pushPatterns = (slug: string): ReadonlyArray<string> => [
  `refs/heads/${ownBranch(slug)}`,
  `refs/heads/${ownBranch(slug)}/*`,
]

/** The branch of a bottle. */
export const ownBranch = (slug: string): string => `bot-bottle/${slug}`

/** Whether one of the patterns lets `ref` (a full name such as `refs/heads/x`) pass; `*` stands for one or more characters, at the end only. */
export const mayPush = (patterns: ReadonlyArray<string>, ref: string): boolean =>
  patterns.some((pattern) =>
    pattern.endsWith("*")
      ? ref.startsWith(pattern.slice(0, -1)) && ref.length >= pattern.length
      : ref === pattern,
  )
