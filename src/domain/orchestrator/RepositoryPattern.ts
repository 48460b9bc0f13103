/** Keys of the map `repositories`: names and patterns of repositories. */
import { Option, Schema } from "effect"

/** The rule of {@link RepositoryPattern}, for messages. */
export const REPOSITORY_PATTERN_RULE =
  "OWNER/NAME, where * is any characters but a slash, such as acme/cellar or acme/*"

/** `OWNER/NAME`, where `*` matches any characters except a slash. Names are compared case-insensitively, as on the forge. */
export const RepositoryPattern = Schema.String.pipe(
  Schema.pattern(/^[\w.*-]+\/[\w.*-]+$/, { message: () => `expected ${REPOSITORY_PATTERN_RULE}` }),
).annotations({ title: REPOSITORY_PATTERN_RULE })

/** A key that matches, with its value. */
export interface MatchedRepository<A> {
  readonly pattern: string
  readonly value: A
}

/**
 * The entry for a repository: the exact name wins over every pattern, then the pattern with the most characters other than `*`, then
 * the one with the fewest `*`, then the first by name. None when the repository is not listed.
 */
export const repositoryEntry = <A>(
  entries: Readonly<Record<string, A>>,
  owner: string,
  repo: string,
): Option.Option<MatchedRepository<A>> => {
  const [best] = Object.entries(entries)
    .filter(([pattern]) => matches(pattern, `${owner}/${repo}`))
    .map(([pattern, value]) => ({ pattern, value }))
    .sort((a, b) =>
      stars(a.pattern) === 0 || stars(b.pattern) === 0
        ? stars(a.pattern) - stars(b.pattern)
        : literals(b.pattern) - literals(a.pattern) ||
          stars(a.pattern) - stars(b.pattern) ||
          (a.pattern < b.pattern ? -1 : 1),
    )
  return Option.fromNullable(best)
}

const stars = (pattern: string): number => pattern.split("*").length - 1
const literals = (pattern: string): number => pattern.replaceAll("*", "").length

/** Matches piece by piece instead of by a regular expression, which a pattern with many stars could make slow. */
const matches = (pattern: string, name: string): boolean => {
  const [patternOwner = "", patternRepo = ""] = pattern.toLowerCase().split("/")
  const [owner = "", repo = "", ...more] = name.toLowerCase().split("/")
  return more.length === 0 && matchesPart(patternOwner, owner) && matchesPart(patternRepo, repo)
}

const matchesPart = (pattern: string, text: string): boolean => {
  const [first = "", ...rest] = pattern.split("*")
  const last = rest.pop()
  if (last === undefined) return pattern === text
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length)
    return false
  let at = first.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at <= text.length - last.length
}
