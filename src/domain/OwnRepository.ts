/** The repository of the run itself in a bottle's manifest: `forge: true` becomes an address, a credential and a base. */
import { Either } from "effect"
import { LaunchRefused } from "./Errors.ts"
import { type ForgePlace, isRepositoryOf } from "./ForgeRepository.ts"
import type { BottleManifest } from "./Manifest.ts"
import type { GitUpstream, OwnRepository } from "./ManifestGit.ts"

/** A repository behind the git gate, as a run has it. */
export interface RunUpstream extends GitUpstream {
  /** Of `forge: true`: the address is what the run's forge says of its own repository, so that the run's token may go there. */
  readonly own?: true
}

/** The repositories of a run by name. */
export type RunGit = Readonly<Record<string, RunUpstream>>

/** A bottle's manifest of which every repository has an address. */
export interface RunBottle extends Omit<BottleManifest, "git"> {
  readonly git?: RunGit | undefined
}

/** The repository that a run is about, and the branch that its pull requests go to when the operator named one. */
export interface RunPlace extends ForgePlace {
  readonly base?: string | undefined
}

/**
 * The manifest as a run has it. The base of the run's own repository is what the operator named for that repository, before
 * what a manifest says for all of them; a workspace that is a clone of it begins there, unless the manifest names a ref.
 * Left: a run without a forge has no repository of its own.
 */
export const withOwnRepository = (
  { git, workspace, ...rest }: BottleManifest,
  place: RunPlace | undefined,
): Either.Either<RunBottle, LaunchRefused> =>
  Either.gen(function* () {
    const resolved: Array<readonly [string, RunUpstream]> = []
    const own = new Set<string>()
    for (const [name, entry] of Object.entries(git ?? {})) {
      const upstream =
        entry.forge === undefined
          ? entry
          : yield* Either.fromNullable(place && ownUpstream(entry, place), () => noForge(name))
      const isOwn = place !== undefined && isRepositoryOf(place, upstream.url)
      if (isOwn) own.add(name)
      const base = isOwn ? (place.base ?? upstream.base) : upstream.base
      resolved.push([name, { ...upstream, ...(base !== undefined && { base }) }])
    }
    const ref = workspace?.ref ?? (own.has(workspace?.git ?? "") ? place?.base : undefined)
    return {
      ...rest,
      ...(git !== undefined && { git: Object.fromEntries(resolved) }),
      ...(workspace !== undefined && { workspace: { ...workspace, ...(ref !== undefined && { ref }) } }),
    }
  })

const ownUpstream = (entry: OwnRepository, { webUrl, owner, repo }: ForgePlace): RunUpstream => {
  const { forge: _, ...rules } = entry
  return { ...rules, url: `${webUrl}/${owner}/${repo}.git`, key: { provider: "gitea" }, own: true }
}

const noForge = (name: string) =>
  new LaunchRefused({
    reason: `git.${name} is the run's own repository (forge: true), and this run has no forge: launch it by "bot-bottle orchestrate start", or name the repository by url and key`,
  })
