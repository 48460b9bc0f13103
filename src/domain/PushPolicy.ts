/** Which refs a bottle may push: full ref names, with `*` at the end for everything below. */

/** What a bottle may push by default: its own branch, and branches below it. */
export const pushPatterns = (slug: string): ReadonlyArray<string> => [
  `refs/heads/${ownBranch(slug)}`,
  `refs/heads/${ownBranch(slug)}/*`,
]

/** The branch of a bottle. */
export const ownBranch = (slug: string): string => `bot-bottle/${slug}`

/**
 * Whether one of the patterns allows `ref` (a full name such as `refs/heads/x`). `*` stands for one or more characters, and only at the
 * end.
 */
export const mayPush = (patterns: ReadonlyArray<string>, ref: string): boolean =>
  patterns.some((pattern) =>
    pattern.endsWith("*")
      ? ref.startsWith(pattern.slice(0, -1)) && ref.length >= pattern.length
      : ref === pattern,
  )

/** Paths that a bottle may not change by default: files that a forge's CI would run, and bot-bottle's own folder. */
export const PROTECTED_PATHS: ReadonlyArray<string> = [
  ".gitea/workflows",
  ".github/workflows",
  ".forgejo/workflows",
  ".bot-bottle",
]

/**
 * The protected path that a change of `path` would affect. Spellings that some file systems treat as equal are equal, and a file or
 * link in place of a parent folder counts too.
 */
export const protectedBy = (protectedPaths: ReadonlyArray<string>, path: string): string | undefined => {
  const changed = plainPath(path)
  return protectedPaths.find((entry) => {
    const kept = plainPath(entry)
    return changed === kept || changed.startsWith(`${kept}/`) || kept.startsWith(`${changed}/`)
  })
}

/** Removes case, characters that HFS+ ignores, and trailing dots and spaces of names, which NTFS drops. */
const plainPath = (path: string): string =>
  path
    .normalize("NFKC")
    .replaceAll(/[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad]/g, "")
    .toLowerCase()
    .split(/[/\\]/)
    .map((name) => name.replace(/[. ]+$/, ""))
    .filter((name) => name !== "")
    .join("/")

/** One ref of a push, by full name. An ID of zeros: it did not exist, or is to be deleted. */
export interface RefUpdate {
  readonly ref: string
  readonly old: string
  readonly new: string
}

/** Whether an ID is the all-zero one. */
export const isNoObject = (id: string): boolean => /^0+$/.test(id)

/** Why a bottle with these patterns may not make this push, if so. Decided before the pushed objects are inspected. */
export const pushProblem = (patterns: ReadonlyArray<string>, update: RefUpdate): string | undefined => {
  if (!isRefName(update.ref)) return "it is not a valid ref name"
  if (isNoObject(update.new)) return "a bottle may not delete refs"
  if (!mayPush(patterns, update.ref)) return `this bottle may push ${patterns.join(", ")}`
  if (update.ref.startsWith("refs/tags/") && !patterns.some((pattern) => pattern.startsWith("refs/tags/")))
    return "this bottle may not push tags"
  return undefined
}

/** Whether a bottle may force-push a ref: only its own branches. */
export const mayForce = (slug: string, ref: string): boolean => mayPush(pushPatterns(slug), ref)

/** git-check-ref-format(1), for a full name. */
const isRefName = (ref: string): boolean =>
  /^refs\/[^\0-\x20\x7f~^:?*[\\]{1,500}$/.test(ref) && !/\/$|\.$|\.\.|\/\/|@\{|\/\.|\.lock(?:\/|$)/.test(ref)
