/** Probes of pushes with harmless-looking commits that must be refused because of what they lead to, say or expand to. */
import type { Probe } from "./Probe.ts"
import type { GitPush, ProbeGround } from "./ProbeGround.ts"
import { branchOf, deniedPush } from "./ProbesOfForge.ts"

/** Pushes to the bottle's own branches. */
export const pushProbes = (ground: ProbeGround): ReadonlyArray<Probe> => {
  const { old, undone, closing, bomb } = ground.git
  const denied = (
    name: string,
    at: string,
    { commit, pack }: Partial<GitPush> & { readonly commit: string },
  ) =>
    deniedPush(ground)(name, {
      ref: `${branchOf(ground)}-${at}`,
      to: commit,
      ...(pack !== undefined && { pack }),
    })
  return [
    denied("a branch at an old commit, with an old workflow of the forge's CI", "old", { commit: old }),
    denied("a merge that brings back an old workflow of the forge's CI", "undone", undone),
    denied("a commit whose message closes another issue", "closing", closing),
    denied("a small push of millions of paths", "bomb", bomb),
  ]
}
