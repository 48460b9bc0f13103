/** Finds the links of a tree that lead outside, resolved as a kernel does: through the tree's other links, one component at a time. */

/** A link of a tree: its path below the root, in parts, and its literal target. */
export interface TreeLink {
  readonly parts: ReadonlyArray<string>
  readonly target: string
}

/** Linux follows at most this many links for one path. */
const FOLLOWED_MAX = 40

/**
 * Returns a check of single links against all links of the tree, including dropped ones: a link whose path passes through one that
 * leads outside leads outside itself. Every name that is not a link counts as a folder, whether or not it exists, so that a dangling
 * link stays harmless when its target is created later.
 */
export const leavingTree = (links: ReadonlyArray<TreeLink>): ((link: TreeLink) => boolean) => {
  const asWritten = targetsBy(links, (name) => name)
  const folded = targetsBy(links, foldName)
  return (link) => leaves(link, asWritten, (name) => name) || leaves(link, folded, foldName)
}

/** Targets by path. Two links with the same path on file systems that fold names are `undefined`: either may be used. */
type Targets = ReadonlyMap<string, string | undefined>
type Fold = (name: string) => string

/** File systems of other machines treat `A` as `a`, and composed letters as decomposed ones. */
const foldName: Fold = (name) => name.normalize("NFKD").toUpperCase().toLowerCase().normalize("NFKD")

const targetsBy = (links: ReadonlyArray<TreeLink>, fold: Fold): Targets => {
  const targets = new Map<string, string | undefined>()
  for (const { parts, target } of links) {
    const path = parts.map(fold).join("/")
    targets.set(path, targets.has(path) ? undefined : target)
  }
  return targets
}

const leaves = ({ parts, target }: TreeLink, targets: Targets, fold: Fold): boolean => {
  const at = parts.slice(0, -1).map(fold)
  /** The remaining parts, the next one last. */
  const ahead: Array<string> = []
  /** False: the target is absolute, or there are too many links. */
  const follow = (to: string | undefined, followed: number): boolean => {
    if (to === undefined || to === "" || to.startsWith("/") || followed > FOLLOWED_MAX) return false
    ahead.push(...to.split("/").toReversed())
    return true
  }
  let followed = 1
  if (!follow(target, followed)) return true
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (part === "" || part === ".") continue
    if (part === "..") {
      if (at.pop() === undefined) return true
      continue
    }
    at.push(fold(part))
    const path = at.join("/")
    if (!targets.has(path)) continue
    at.pop()
    followed += 1
    if (!follow(targets.get(path), followed)) return true
  }
  return false
}
