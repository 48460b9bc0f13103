/** RunDirectories removes files that runs leave on disk: directories of bottles that are gone, and of launches that were killed. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { SidecarError } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"

/** A run directory that no bottle needs. */
export interface LeftRun {
  /** Its name: five characters. */
  readonly name: string
  /** The slug that used it; `""` when it is not recorded. */
  readonly slug: Slug | ""
  /** Last use, in milliseconds since the epoch. */
  readonly since: number
}

/** The kept output of a run. */
export interface KeptOutput {
  readonly slug: Slug
  readonly run: number
  /** When it was last written to, in milliseconds since the epoch. */
  readonly since: number
}

/** RunDirectories removes files that runs leave on disk. */
export class RunDirectories extends Context.Tag("bot-bottle/RunDirectories")<
  RunDirectories,
  {
    /** Run directories of this home that belong to none of these bottles and that no sidecar serves. */
    readonly leftRuns: (slugs: ReadonlyArray<Slug>) => Effect.Effect<ReadonlyArray<LeftRun>, SidecarError>
    /** Removes such a directory. */
    readonly removeRun: (name: string) => Effect.Effect<void, SidecarError>
    /** Outputs of runs that are kept in state directories. */
    readonly outputs: Effect.Effect<ReadonlyArray<KeptOutput>, SidecarError>
    /** Removes the output of a run. Succeeds when there is none. */
    readonly removeOutput: (slug: Slug, run: number) => Effect.Effect<void, SidecarError>
    /** Removes the run directory of a slug that has neither a box nor a sidecar. */
    readonly clear: (slug: Slug) => Effect.Effect<void, SidecarError>
    /** Removes the run directory and the state directory of a slug, once everything else of it is gone. */
    readonly forget: (slug: Slug) => Effect.Effect<void, SidecarError>
  }
>() {}
