/** The order in which waiting issues start: round robin over repositories, oldest first within one. */

/** An issue that would start if there were room. */
export interface Waiting {
  /** `owner/repo`. */
  readonly repository: string
  readonly number: number
  /** When it began to wait, in milliseconds since the epoch. */
  readonly since: number
}

/**
 * All of them, in the order in which they should start. In each round every repository has one turn. Within a round repositories are
 * ordered by name, starting after the repository that started last (`""`: none did).
 */
export const fairOrder = <A extends Waiting>(waiting: ReadonlyArray<A>, last: string): ReadonlyArray<A> => {
  const taken = new Map<string, number>()
  return waiting
    .toSorted((a, b) => a.since - b.since || a.number - b.number)
    .map((issue) => {
      const round = taken.get(issue.repository) ?? 0
      taken.set(issue.repository, round + 1)
      return { issue, round, behind: issue.repository <= last }
    })
    .sort(
      (a, b) =>
        a.round - b.round ||
        Number(a.behind) - Number(b.behind) ||
        (a.issue.repository < b.issue.repository ? -1 : 1),
    )
    .map(({ issue }) => issue)
}
