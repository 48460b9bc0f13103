/** Backends gives a backend by name; a Backend can make a bottle, start it, tell of it, freeze it and destroy it. */
import type { Effect, Option } from "effect"
import { Context, Stream } from "effect"
import type { BottlePlan, WorkspaceListing } from "../domain/Bottle.ts"
import { BackendFailure } from "../domain/Errors.ts"
import type {
  BackendNotFound,
  BackendUnavailable,
  FreezeFailed,
  InvalidInput,
  LaunchRefused,
} from "../domain/Errors.ts"

import type { Slug } from "../domain/Slug.ts"
import type { OutputChunk } from "./ProcessRunner.ts"

/** What can go wrong at every call to a backend. */
export type BackendError = BackendUnavailable | BackendFailure

/** What the backend has of a slug. */
export interface BackendBottle {
  readonly slug: Slug
  readonly state: "created" | "running" | "exited"
  /** Of an exited bottle: its code (128+n when a signal ended it). */
  readonly exitCode?: number
  readonly outOfMemory?: boolean
  /** When it ended, in milliseconds since the epoch; absent when the backend cannot tell. */
  readonly finishedAt?: number
  /** When the box was made, in milliseconds since the epoch; absent when the backend cannot tell. */
  readonly createdAt?: number
}

/** What ended the agent of an exited bottle, as far as its backend can tell. */
export interface BackendEnding {
  /** `machine`: the engine or the machine stopped it. `unclear`: the engine may be about to end, which shows at `clearAt`. */
  readonly by: "agent" | "machine" | "unclear"
  /** Of `unclear`; milliseconds since the epoch. */
  readonly clearAt?: number
}

/** What a freeze made and the backend still has. */
export interface BackendArtifact {
  readonly slug: Slug
  /** As `freeze` answered it. */
  readonly reference: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** An image that the backend built of a manifest and that no bottle needs. */
export interface BackendBuild {
  readonly reference: string
  /** Why no bottle needs it. */
  readonly reason: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** What to copy out of a bottle. */
export interface CopySource {
  /** Path in the bottle; relative to the agent's working directory. */
  readonly path: string
  /** Where to read when there is no box: the artifact of a frozen bottle. */
  readonly artifact: Option.Option<string>
}

/** What a created bottle turned out to be. */
export interface CreatedBottle {
  /** Numeric `uid:gid` of the agent. */
  readonly user: string
  /** Digest of the image; `""` where there is none. */
  readonly imageDigest: string
}

/** One way to make bottles. Every call works on a bottle that an earlier process made. */
export interface Backend {
  readonly name: string
  /** Said at every launch when the backend does not isolate. */
  readonly warning: Option.Option<string>
  /** Base URL of the neck as the agent sees it; none when only the sidecar knows (then `bin/enter` learns it). */
  readonly neck: Option.Option<string>
  /** Whether the sidecar must serve a loopback port with a secret prefix, beside its socket. */
  readonly needsLoopback: boolean
  /** Memory of a bottle whose manifest names none: half the host's, up to 8 GiB. */
  readonly defaultMemoryBytes: number
  /** Whether it works now; the answer is a line for people (version, root directory). */
  readonly check: Effect.Effect<string, BackendUnavailable>
  /**
   * Which engine it reaches now: a name that stays the same for as long as that engine keeps its objects, and that no
   * other engine has. Kept in the row of each bottle that it makes; absent: `gc` removes no row of it whose box is gone.
   */
  readonly engine?: Effect.Effect<string, BackendError>
  /** Refuses what it cannot enforce. Pure knowledge of the plan, no call to an engine. */
  readonly accepts: (plan: BottlePlan) => Effect.Effect<void, LaunchRefused>
  /** Makes the image present by the plan's pull policy; progress goes to the log. */
  readonly ensureImage: (plan: BottlePlan) => Effect.Effect<void, BackendError | LaunchRefused>
  /** Makes the bottle and its run directory; idempotent by slug. */
  readonly create: (
    plan: BottlePlan,
  ) => Effect.Effect<CreatedBottle, BackendError | LaunchRefused | InvalidInput>
  /** Starts a created bottle; returns when its agent (or `bin/enter`) runs. */
  readonly start: (slug: Slug) => Effect.Effect<void, BackendError>
  /** None when the backend has nothing of that slug. */
  readonly inspect: (slug: Slug) => Effect.Effect<Option.Option<BackendBottle>, BackendError>
  /** What ended the agent of an exited bottle that bot-bottle did not stop; absent: always the agent itself. */
  readonly ending?: (slug: Slug) => Effect.Effect<BackendEnding, BackendError>
  /** Output of a run from its beginning, to its end; kept in `output-<run>.log` as it is read. */
  readonly output: (slug: Slug, run: number) => Stream.Stream<OutputChunk, BackendError>
  /** The output of a run as it was kept; empty when nothing was. Follows to the end when the run is under way. */
  readonly logs: (slug: Slug, run: number, follow: boolean) => Stream.Stream<Uint8Array, BackendError>
  /** Exit code, once the agent has ended (128+n when a signal ended it). */
  readonly wait: (slug: Slug) => Effect.Effect<number, BackendError>
  /** TERM, 10 s, KILL; ok when it does not run. */
  readonly stop: (slug: Slug) => Effect.Effect<void, BackendError>
  /** Gives the agent of an interactive bottle our terminal until it ends or is detached; starts the bottle when it is only created. */
  readonly attach: (slug: Slug) => Effect.Effect<void, BackendError>
  /** Gives the operator a shell in a running bottle, as its agent's user and with no more than the agent may; answers the shell's exit code. */
  readonly shell: (slug: Slug) => Effect.Effect<number, BackendError>
  /** A tar of one file or folder of a bottle, by its last name; links are entries, and are not followed. */
  readonly copyOut: (slug: Slug, source: CopySource) => Stream.Stream<Uint8Array, BackendError>
  /** Turns the stopped bottle into an artifact and answers its name; the bottle itself stays. */
  readonly freeze: (slug: Slug, run: number) => Effect.Effect<string, BackendError | FreezeFailed>
  /** Removes the bottle's box and its run directory, in whatever state it is; artifacts, output and state stay. */
  readonly remove: (slug: Slug) => Effect.Effect<void, BackendError>
  /** Removes artifacts of the slug, but the one to keep. */
  readonly removeArtifacts: (slug: Slug, keep: Option.Option<string>) => Effect.Effect<void, BackendError>
  /** Removes all there is of the slug: box in every state, artifacts, volumes, kept output. */
  readonly destroy: (slug: Slug) => Effect.Effect<void, BackendError>
  /** Every bottle of this installation that has a box. */
  readonly list: Effect.Effect<ReadonlyArray<BackendBottle>, BackendError>
  /** Every artifact of this installation. */
  readonly artifacts: Effect.Effect<ReadonlyArray<BackendArtifact>, BackendError>
  /** Images that it built and that no bottle needs, and how one goes; absent: it builds none. */
  readonly builds?: {
    readonly unneeded: Effect.Effect<ReadonlyArray<BackendBuild>, BackendError>
    readonly remove: (reference: string) => Effect.Effect<void, BackendError>
  }
}

/** What a backend that has neither shell nor copies says of them, for its object to spread. */
export const withoutTools = (backend: string): Pick<Backend, "shell" | "copyOut"> => {
  const refuse = (operation: string, target: string) =>
    new BackendFailure({ backend, operation, target, reason: `the ${backend} backend cannot do it yet` })
  return {
    shell: (slug) => refuse("shell", slug),
    copyOut: (slug) => Stream.fail(refuse("copy", slug)),
  }
}

/** Backends gives a backend by name. */
export class Backends extends Context.Tag("bot-bottle/Backends")<
  Backends,
  {
    readonly names: ReadonlyArray<string>
    /** The backend of a name or alias, built on its first `get`. */
    readonly get: (name: string) => Effect.Effect<Backend, BackendNotFound | BackendUnavailable>
    /** What `--copy-cwd` would take along: tracked files and untracked ones that are not ignored. */
    readonly workspace: (cwd: string) => Effect.Effect<WorkspaceListing, InvalidInput>
  }
>() {}
