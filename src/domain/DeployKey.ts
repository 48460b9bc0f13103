/** Deploy keys of runs: which repositories of a manifest get one, whether the operator agreed, and what is stored of each. */
import { Option, Schema } from "effect"
import { LaunchRefused } from "./Errors.ts"
import type { RunGit } from "./OwnRepository.ts"
import { Slug } from "./Slug.ts"

/** A key that a launch will create: for which repository of the manifest, and whether it is read-only. */
export interface PlannedKey {
  readonly name: string
  readonly owner: string
  readonly repo: string
  readonly readOnly: boolean
}

const SSH_URL =
  /^(?:ssh:\/\/(?:[^@/\s]+@)?[^@/\s]+\/|[\w.-]+@[\w.-]+:(?!\/))([\w.-]{1,100})\/([\w.-]{1,100}?)(?:\.git)?\/?$/i

/** Whether an address is an ssh address, in either form. */
export const isSshUrl = (url: string): boolean => /^ssh:|^[\w.-]+@[\w.-]+:/i.test(url)

/** The repository that an ssh address names on its forge; none when it names anything else. */
export const sshRepository = (
  url: string,
): Option.Option<{ readonly owner: string; readonly repo: string }> => {
  const [, owner, repo] = SSH_URL.exec(url) ?? []
  return owner === undefined || repo === undefined || /^\.+$/.test(owner) || /^\.+$/.test(repo)
    ? Option.none()
    : Option.some({ owner, repo })
}

/** The keys that a launch of such a bottle creates: one for each `key.provider: gitea` over ssh; read-only where nothing may be pushed. */
export const plannedKeys = (git: RunGit = {}): ReadonlyArray<PlannedKey> =>
  Object.entries(git).flatMap(([name, { url, key, push }]) =>
    "provider" in key && isSshUrl(url)
      ? Option.match(sshRepository(url), {
          onNone: () => [],
          onSome: (repository) => [{ name, ...repository, readOnly: push?.length === 0 }],
        })
      : [],
  )

/** Why a bottle that uses its run's forge in `git` cannot be launched in this way, if so. */
export const keyRefusal = (
  git: RunGit = {},
  run: { readonly hasForge: boolean; readonly agreed: boolean },
): LaunchRefused | undefined => {
  const name = Object.entries(git).find(([, { key }]) => "provider" in key)?.[0]
  if (name !== undefined && !run.hasForge) {
    return new LaunchRefused({
      reason: `git.${name}.key.provider is gitea, which takes the token of the run's forge, and this run has none: launch it by "bot-bottle orchestrate start", or name a key of your own by key.identityFile`,
    })
  }
  const keys = plannedKeys(git)
  return keys.length === 0 || run.agreed
    ? undefined
    : new LaunchRefused({
        reason: `it would register ${keys.map(keyText).join(" and ")} at the forge: --yes agrees to that, --dry-run shows the plan`,
      })
}

/** Describes a planned key for people. */
export const keyText = ({ owner, repo, readOnly }: PlannedKey): string =>
  `a deploy key of ${owner}/${repo} that may ${readOnly ? "only read" : "push"}`

/** A deploy key of a run, stored from before it is registered until it is known to be revoked. Contains no secret. */
export class RunKey extends Schema.Class<RunKey>("RunKey")({
  /** Unique in this installation. */
  name: Schema.String,
  slug: Slug,
  /** Base URL of the forge's API. */
  apiUrl: Schema.String,
  owner: Schema.String,
  repo: Schema.String,
  title: Schema.String,
  publicKey: Schema.String,
  readOnly: Schema.Boolean,
  /** Its number at its repository; none while it is not known whether it was registered. */
  id: Schema.OptionFromNullOr(Schema.Number),
  /** ISO 8601 in UTC. */
  createdAt: Schema.String,
}) {
  /** A message about a key that no run uses and that could not be revoked yet. */
  get left(): string {
    const id = Option.match(this.id, { onNone: () => "", onSome: (number) => ` (number ${number})` })
    return `deploy key "${this.title}"${id} of ${this.owner}/${this.repo} may still be registered at ${this.apiUrl}: "bot-bottle gc" with FORGE_GITEA_API and FORGE_GITEA_TOKEN revokes it, and so does the next "orchestrate" command there`
  }
}

/** How long a request to register a key may still take effect after we gave up on it, in milliseconds. */
export const UNDER_WAY_MS = 120_000

/** Whether two addresses belong to the API of the same forge. */
export const isSameForge = (one: string, other: string): boolean => plainUrl(one) === plainUrl(other)

const plainUrl = (url: string): string => url.trim().replace(/\/+$/, "").toLowerCase()
