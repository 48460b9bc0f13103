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

/** What a working directory's own `.bot-bottle` has, and whether it is trusted. */
export interface ProjectReport {
  /** Real path of the working directory. */
  readonly directory: string
  /** `absent`: no manifest there; `changed`: trusted once, but not as it is now. Only `trusted` ones are read. */
  readonly state: "absent" | "untrusted" | "changed" | "trusted"
  readonly files: ReadonlyArray<ProjectFile>
  /** SHA-256 in hex over the names and contents of all `files`; `""` when there is none or one cannot be read. */
  readonly digest: string
  /** Each reason why it cannot be trusted. */
  readonly problems: ReadonlyArray<ManifestInvalid>
}

/** One manifest file of a working directory. */
export interface ProjectFile {
  readonly file: string
  /** SHA-256 of the content in hex. */
  readonly sha256: string
  /** Whether the home has one of that name, so that this one is never used. */
  readonly shadowed: boolean
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
    /** A file that cannot be read or parsed is listed with what is wrong as its description. */
    readonly list: (scope?: ManifestScope) => Effect.Effect<ManifestList, ManifestInvalid>
    /** What `trust` would trust in a working directory (default: the process's). */
    readonly describeProject: (cwd?: string) => Effect.Effect<ProjectReport, ManifestInvalid>
    /**
     * Trusts the manifests of a working directory as they are now. With `digest`, only when they are still what
     * {@link ProjectReport.digest} told of. Fails with the first problem, and when there is nothing to trust.
     */
    readonly trust: (cwd?: string, digest?: string) => Effect.Effect<ProjectReport, ManifestInvalid>
    /** Writes example manifests into the home and answers their paths; a file that is there is an error, and nothing is written. */
    readonly init: Effect.Effect<ReadonlyArray<string>, ManifestInvalid>
  }
>() {}
