/** Manifests can give an agent by name, several bottles merged, and the list of what there is. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { AgentNotFound, ManifestInvalid } from "../domain/Errors.ts"
import type { AgentManifest, BottleManifest } from "../domain/Manifest.ts"

/** Where manifests are looked for. */
export interface ManifestScope {
  /** The working directory whose own `.bot-bottle` may add manifests, once trusted (default: the process's). */
  readonly cwd?: string
  /** Read the home only: for forge-targeted runs. */
  readonly homeOnly?: boolean
}

/** What there is. */
export interface ManifestList {
  readonly agents: ReadonlyArray<ManifestEntry>
  readonly bottles: ReadonlyArray<ManifestEntry>
}

/** One manifest of a list. */
export interface ManifestEntry {
  readonly name: string
  /** Path of the file; `""` when it is in memory. */
  readonly file: string
  readonly description: string
}

/** Manifests can give an agent by name, several bottles merged, and the list of what there is. */
export class Manifests extends Context.Tag("bot-bottle/Manifests")<
  Manifests,
  {
    readonly agent: (
      name: string,
      scope?: ManifestScope,
    ) => Effect.Effect<AgentManifest, AgentNotFound | ManifestInvalid>
    /** The bottles of these names, merged in order; one that is missing is a `ManifestInvalid` that names its file. */
    readonly bottle: (
      names: ReadonlyArray<string>,
      scope?: ManifestScope,
    ) => Effect.Effect<BottleManifest, ManifestInvalid>
    readonly list: (scope?: ManifestScope) => Effect.Effect<ManifestList, ManifestInvalid>
  }
>() {}
