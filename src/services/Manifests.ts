/** Manifests can return an agent by name, several bottles merged, and the list of all manifests. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { ManifestDigest } from "../domain/Bottle.ts"
import type { AgentNotFound, ManifestInvalid } from "../domain/Errors.ts"
import type { AgentManifest, BottleManifest } from "../domain/Manifest.ts"
import type { PriceTable } from "../domain/usage/Prices.ts"

/** Where to look for manifests. */
export interface ManifestScope {
  /** The working directory whose `.bot-bottle` may add manifests, once trusted (default: that of the process). */
  readonly cwd?: string
  /** Read only the home: for forge-targeted runs. */
  readonly homeOnly?: boolean
}

/** All manifests. */
export interface ManifestList {
  readonly agents: ReadonlyArray<ManifestEntry>
  readonly bottles: ReadonlyArray<ManifestEntry>
}

/** One manifest of a list. */
export interface ManifestEntry {
  readonly name: string
  /** Path of the file; `""` for a manifest in memory. */
  readonly file: string
  readonly description: string
}

/** The contents of a working directory's `.bot-bottle`, and whether it is trusted. */
export interface ProjectReport {
  /** Real path of the working directory. */
  readonly directory: string
  /** `absent`: it has no manifests. `changed`: it was trusted, and has changed since. Only `trusted` ones are read. */
  readonly state: "absent" | "untrusted" | "changed" | "trusted"
  readonly files: ReadonlyArray<ProjectFile>
  /** SHA-256 in hex over the names and contents of all `files`; `""` when there are none or one cannot be read. */
  readonly digest: string
  /** Every reason why it cannot be trusted. */
  readonly problems: ReadonlyArray<ManifestInvalid>
}

/** One manifest file of a working directory. */
export interface ProjectFile {
  readonly file: string
  /** SHA-256 of the content in hex. */
  readonly sha256: string
  /** Whether the home has a manifest of that name, which hides this one. */
  readonly shadowed: boolean
}

/** Manifests can return an agent by name, several bottles merged, and the list of all manifests. */
export class Manifests extends Context.Tag("bot-bottle/Manifests")<
  Manifests,
  {
    readonly agent: (
      name: string,
      scope?: ManifestScope,
    ) => Effect.Effect<AgentManifest, AgentNotFound | ManifestInvalid>
    /** The bottles of these names, merged in order. A missing one fails with `ManifestInvalid`, which names its file. */
    readonly bottle: (
      names: ReadonlyArray<string>,
      scope?: ManifestScope,
    ) => Effect.Effect<BottleManifest, ManifestInvalid>
    /** The digests of that agent's manifest and of those bottles', in this order, for provenance. */
    readonly digests: (
      agent: string,
      bottles: ReadonlyArray<string>,
      scope?: ManifestScope,
    ) => Effect.Effect<ReadonlyArray<ManifestDigest>, ManifestInvalid>
    /** A file that cannot be read or parsed is listed with the error as its description. */
    readonly list: (scope?: ManifestScope) => Effect.Effect<ManifestList, ManifestInvalid>
    /** The operator's own prices of models, by the name of the model; they replace and add to the published ones. */
    readonly prices: Effect.Effect<PriceTable, ManifestInvalid>
    /** What `trust` would trust in a working directory (default: that of the process). */
    readonly describeProject: (cwd?: string) => Effect.Effect<ProjectReport, ManifestInvalid>
    /**
     * Trusts the current manifests of a working directory. With `digest`, only if they still match {@link ProjectReport.digest}. Fails
     * with the first problem, and when there is nothing to trust.
     */
    readonly trust: (cwd?: string, digest?: string) => Effect.Effect<ProjectReport, ManifestInvalid>
    /** Writes example manifests into the home and returns their paths. Fails, and writes nothing, when one of the files exists. */
    readonly init: Effect.Effect<ReadonlyArray<string>, ManifestInvalid>
  }
>() {}
