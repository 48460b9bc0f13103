/** Resolves the run's own repository in a bottle manifest: `forge: true` becomes an address, a credential and a base. */
import { Either } from "effect"
import { LaunchRefused } from "./Errors.ts"
import { type ForgePlace, isRepositoryOf } from "./ForgeRepository.ts"
import type { BottleManifest } from "./Manifest.ts"
import type { GitUpstream, OwnRepository } from "./ManifestGit.ts"

/** A repository behind the git gate, resolved for a run. */
export interface RunUpstream extends GitUpstream {
  /** Only for `forge: true`: the address comes from the run's forge, so the run's token may be sent there. */
  readonly own?: true
}

/** Repositories of a run, by name. */
export type RunGit = Readonly<Record<string, RunUpstream>>

/** A bottle manifest in which every repository has an address. */
export interface RunBottle extends Omit<BottleManifest, "git"> {
  readonly git?: RunGit | undefined
}

/** The repository that a run works on, and the base branch of its pull requests if the operator named one. */
export interface RunPlace extends ForgePlace {
  readonly base?: string | undefined
}

/**
 * Resolves the manifest for a run. For the run's own repository, a base that the operator named takes precedence over the one in the
 * manifest. A workspace that is a clone of it starts from that base, unless the manifest names a ref. Left: a run without a forge has
 * no repository of its own.
 */
export const withOwnRepository = (
  { git, workspace, ...rest }: BottleManifest,
  place: RunPlace | undefined,
): Either.Either<RunBottle, LaunchRefused> =>
  Either.gen(function* () {
    const resolved: Array<readonly [string, RunUpstream]> = []
    const own = new Set<string>()
    for (const [name, entry] of Object.entries(git ?? {})) {
      if (entry.pushAfter !== undefined && place === undefined) return yield* Either.left(noApproval(name))
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

const noApproval = (name: string) =>
  new LaunchRefused({
    reason: `git.${name} takes pushes after an approval on the run's issue (pushAfter: approval), and this run has no forge: launch it by "bot-bottle orchestrate start", or leave out pushAfter`,
  })

const noForge = (name: string) =>
  new LaunchRefused({
    reason: `git.${name} is the run's own repository (forge: true), and this run has no forge: launch it by "bot-bottle orchestrate start", or name the repository by url and key`,
  })
