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

/** Paths that a bottle may not change unless its manifest says otherwise: what a forge's CI would run, and our own folder. */
export const PROTECTED_PATHS: ReadonlyArray<string> = [
  ".gitea/workflows",
  ".github/workflows",
  ".forgejo/workflows",
  ".bot-bottle",
]

/**
 * The protected path that a change of `path` would touch. Spellings that some file systems take for the same are the
 * same, and a file or link in place of a folder above a protected one touches it too.
 */
export const protectedBy = (protectedPaths: ReadonlyArray<string>, path: string): string | undefined => {
  const changed = plainPath(path)
  return protectedPaths.find((entry) => {
    const kept = plainPath(entry)
    return changed === kept || changed.startsWith(`${kept}/`) || kept.startsWith(`${changed}/`)
  })
}

/** Without what HFS+ passes over, case, and dots and spaces at the ends of names, which NTFS drops. */
const plainPath = (path: string): string =>
  path
    .normalize("NFKC")
    .replaceAll(/[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad]/g, "")
    .toLowerCase()
    .split(/[/\\]/)
    .map((name) => name.replace(/[. ]+$/, ""))
    .filter((name) => name !== "")
    .join("/")

/** One ref of a push, by full name; an id of zeros: it was not there, or is not to be there. */
export interface RefUpdate {
  readonly ref: string
  readonly old: string
  readonly new: string
}

/** Whether an id is the one that stands for nothing. */
export const isNoObject = (id: string): boolean => /^0+$/.test(id)

/** Why a bottle with these patterns may not push so, if it may not, before anything of the push is looked at. */
export const pushProblem = (patterns: ReadonlyArray<string>, update: RefUpdate): string | undefined => {
  if (!isRefName(update.ref)) return "it is not the name of a ref"
  if (isNoObject(update.new)) return "a bottle deletes no refs"
  if (!mayPush(patterns, update.ref)) return `this bottle may push ${patterns.join(", ")}`
  if (update.ref.startsWith("refs/tags/") && !patterns.some((pattern) => pattern.startsWith("refs/tags/")))
    return "this bottle pushes no tags"
  return undefined
}

/** Whether a bottle may move a ref to where it does not follow from: its own branches only. */
export const mayForce = (slug: string, ref: string): boolean => mayPush(pushPatterns(slug), ref)

/** git-check-ref-format(1), for a name with all its parts. */
const isRefName = (ref: string): boolean =>
  /^refs\/[^\0-\x20\x7f~^:?*[\\]{1,500}$/.test(ref) && !/\/$|\.$|\.\.|\/\/|@\{|\/\.|\.lock(?:\/|$)/.test(ref)
