/** Which links of a tree lead out of it, resolved as a kernel does: through the tree's other links, one component at a time. */

/** A link of a tree: its path below the root, in parts, and its target as it stands in the link. */
export interface TreeLink {
  readonly parts: ReadonlyArray<string>
  readonly target: string
}

/** Linux follows no more links than these for one path. */
const FOLLOWED_MAX = 40

/**
 * Returns a check of single links against all links of the tree, dropped ones included: a link whose path passes one that
 * leads out leads out itself. Every name that is not a link counts as a folder, whether it exists or not, so that a
 * dangling link stays harmless when its target is made later.
 */
export const leavingTree = (links: ReadonlyArray<TreeLink>): ((link: TreeLink) => boolean) => {
  const asWritten = targetsBy(links, (name) => name)
  const folded = targetsBy(links, foldName)
  return (link) => leaves(link, asWritten, (name) => name) || leaves(link, folded, foldName)
}

/** Targets by path. Two links of one path, as file systems that fold names see it, are `undefined`: either may be meant. */
type Targets = ReadonlyMap<string, string | undefined>
type Fold = (name: string) => string

/** File systems of other machines take `A` for `a`, and compare composed letters as decomposed ones. */
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
  /** What is still to be walked, the next part last. */
  const ahead: Array<string> = []
  /** False: it is absolute, or one link too many. */
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
