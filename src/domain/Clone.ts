/** A workspace that is a clone: which repository of the manifest, from where on, and who commits in it. */
import { LaunchRefused, ManifestInvalid } from "./Errors.ts"
import type { BottleManifest } from "./Manifest.ts"
import type { RunBottle } from "./OwnRepository.ts"
import { ownBranch } from "./PushPolicy.ts"

/** What a bottle's workspace is cloned from before its agent starts for the first time. */
export interface PlanClone {
  /** Name of the repository at the neck. */
  readonly git: string
  /** Branch, tag or commit to begin at; absent: where the upstream's HEAD is. */
  readonly ref?: string
  /** The branch that is made there, and checked out. */
  readonly branch: string
  /** Who commits, unless a forge says who the run is there. */
  readonly author: { readonly name: string; readonly email: string }
  /** Whether the run has a forge to ask. */
  readonly forge: boolean
}

/** The clone that a bottle's manifest asks for, if it asks for one. */
export const cloneOf = (
  { workspace }: BottleManifest | RunBottle,
  run: { readonly slug: string; readonly agent: string; readonly forge: boolean },
): PlanClone | undefined =>
  workspace === undefined
    ? undefined
    : {
        git: workspace.git,
        ...(workspace.ref !== undefined && { ref: workspace.ref }),
        branch: ownBranch(run.slug),
        author: { name: run.agent, email: `${run.slug}@bot-bottle.invalid` },
        forge: run.forge,
      }

/** Who commits for a user of a forge: Gitea counts such an address as the user's, unless it is configured otherwise. */
export const forgeAuthor = (login: string, host: string): PlanClone["author"] => ({
  name: login,
  email: `${login}@noreply.${host}`,
})

/** What is wrong with the workspace of the merged manifest of these bottles. */
export const workspaceProblem = (
  { workspace, git = {} }: BottleManifest,
  bottles: ReadonlyArray<string>,
): ManifestInvalid | undefined =>
  workspace === undefined || Object.hasOwn(git, workspace.git)
    ? undefined
    : new ManifestInvalid({
        file: bottles.map((name) => `bottles/${name}.yaml`).join(", "),
        key: "workspace.git",
        expected: `expected a name of the map git, which has ${Object.keys(git).join(", ") || "none"}`,
      })

/** Why a bottle with such a manifest cannot be given the files of a working tree. */
export const copyRefusal = ({ workspace }: BottleManifest | RunBottle): LaunchRefused | undefined =>
  workspace === undefined
    ? undefined
    : new LaunchRefused({
        reason: `--copy-cwd and a workspace that is a clone of "${workspace.git}" cannot both be had: leave out one of them`,
      })
