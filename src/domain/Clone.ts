/** A workspace that is a clone: of which repository of the manifest, from which commit, and who commits in it. */
import { LaunchRefused, ManifestInvalid } from "./Errors.ts"
import type { BottleManifest } from "./Manifest.ts"
import type { RunBottle } from "./OwnRepository.ts"
import { ownBranch } from "./PushPolicy.ts"

/** What a bottle's workspace is cloned from before the first start of its agent. */
export interface PlanClone {
  /** Name of the repository at the neck. */
  readonly git: string
  /** Branch, tag or commit to start from; absent: the upstream's HEAD. */
  readonly ref?: string
  /** The branch that is created and checked out. */
  readonly branch: string
  /** Who commits, unless a forge names the run's user. */
  readonly author: { readonly name: string; readonly email: string }
  /** Whether the run has a forge that can name its user. */
  readonly forge: boolean
}

/** The clone that a bottle's manifest asks for, if any. */
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

/** Committer for a user of a forge. By default Gitea attributes such an address to the user. */
export const forgeAuthor = (login: string, host: string): PlanClone["author"] => ({
  name: login,
  email: `${login}@noreply.${host}`,
})

/** The problem of the workspace in the merged manifest of these bottles, if any. */
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

/** Why a bottle with such a manifest cannot get the files of a working tree, if so. */
export const copyRefusal = ({ workspace }: BottleManifest | RunBottle): LaunchRefused | undefined =>
  workspace === undefined
    ? undefined
    : new LaunchRefused({
        reason: `--copy-cwd and a workspace that is a clone of "${workspace.git}" cannot both be had: leave out one of them`,
      })
