/** Backends returns a backend by name. A Backend can create a bottle, start it, inspect it, freeze it and destroy it. */
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

/** Errors of every call to a backend. */
export type BackendError = BackendUnavailable | BackendFailure

/** What the backend knows about a slug. */
export interface BackendBottle {
  readonly slug: Slug
  readonly state: "created" | "running" | "exited"
  /** Exit code of an exited bottle (128+n when a signal ended it). */
  readonly exitCode?: number
  readonly outOfMemory?: boolean
  /** When it ended, in milliseconds since the epoch; absent when the backend does not know. */
  readonly finishedAt?: number
  /** When the box was created, in milliseconds since the epoch; absent when the backend does not know. */
  readonly createdAt?: number
}

/** What ended the agent of an exited bottle, as far as its backend knows. */
export interface BackendEnding {
  /** `machine`: the engine or the machine stopped it. `unclear`: the engine may be shutting down; `clearAt` says when that is known. */
  readonly by: "agent" | "machine" | "unclear"
  /** Only with `unclear`; milliseconds since the epoch. */
  readonly clearAt?: number
}

/** An artifact that the backend still has. */
export interface BackendArtifact {
  readonly slug: Slug
  /** The name that `freeze` returned. */
  readonly reference: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** An image that the backend built from a manifest and that no bottle needs. */
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
  /** The artifact to read when there is no box: that of a frozen bottle. */
  readonly artifact: Option.Option<string>
}

/** What to put into a bottle, and where. */
export interface CopyTarget {
  /** A regular file of this machine. */
  readonly file: string
  /** An existing folder in the bottle, or the file's new path; relative to the agent's working directory. */
  readonly path: string
}

/** What the backend resolved when it created a bottle. */
export interface CreatedBottle {
  /** Numeric `uid:gid` of the agent. */
  readonly user: string
  /** Digest of the image; `""` when there is none. */
  readonly imageDigest: string
}

/** One way to make bottles. Every method works on bottles that an earlier process created. */
export interface Backend {
  readonly name: string
  /** A warning shown at every launch when the backend does not isolate. */
  readonly warning: Option.Option<string>
  /** Base URL of the neck as the agent sees it; absent when only the sidecar knows it (`bin/enter` then reads it). */
  readonly neck: Option.Option<string>
  /** Whether the sidecar must serve a loopback port with a secret prefix, in addition to its socket. */
  readonly needsLoopback: boolean
  /** Memory of a bottle whose manifest sets none: half of the host's, up to 8 GiB. */
  readonly defaultMemoryBytes: number
  /** Whether the backend works now. Returns a line for people (version, root directory). */
  readonly check: Effect.Effect<string, BackendUnavailable>
  /**
   * ID of the engine that it reaches now. It stays the same as long as that engine keeps its objects, and no other engine has it. It is
   * stored in the row of each bottle. When it is absent, `gc` keeps rows of this backend whose box is gone.
   */
  readonly engine?: Effect.Effect<string, BackendError>
  /** Rejects a plan that the backend cannot enforce. Reads the plan only, and does not call the engine. */
  readonly accepts: (plan: BottlePlan) => Effect.Effect<void, LaunchRefused>
  /** Makes the image present, by the plan's pull policy. Progress goes to the log. */
  readonly ensureImage: (plan: BottlePlan) => Effect.Effect<void, BackendError | LaunchRefused>
  /** Creates the bottle and its run directory. Idempotent by slug. */
  readonly create: (
    plan: BottlePlan,
  ) => Effect.Effect<CreatedBottle, BackendError | LaunchRefused | InvalidInput>
  /** Starts a created bottle. Returns once its agent (or `bin/enter`) runs. */
  readonly start: (slug: Slug) => Effect.Effect<void, BackendError>
  /** None when the backend has nothing for that slug. */
  readonly inspect: (slug: Slug) => Effect.Effect<Option.Option<BackendBottle>, BackendError>
  /** What ended the agent of an exited bottle that bot-bottle did not stop. Absent: always the agent itself. */
  readonly ending?: (slug: Slug) => Effect.Effect<BackendEnding, BackendError>
  /** Output of a run from beginning to end. It is stored in `output-<run>.log` as it is read. */
  readonly output: (slug: Slug, run: number) => Stream.Stream<OutputChunk, BackendError>
  /**
   * The stored output of a run; empty when there is none. Follows to the end while the run is running. `since`, in milliseconds since the
   * epoch, leaves out what was certainly written before; up to two seconds more may be returned.
   */
  readonly logs: (
    slug: Slug,
    run: number,
    follow: boolean,
    since?: number,
  ) => Stream.Stream<Uint8Array, BackendError>
  /** Waits for the agent to end and returns its exit code (128+n when a signal ended it). */
  readonly wait: (slug: Slug) => Effect.Effect<number, BackendError>
  /** Stops the agent: TERM, then KILL after 10 s. Succeeds when it is not running. */
  readonly stop: (slug: Slug) => Effect.Effect<void, BackendError>
  /** Connects our terminal to the agent of an interactive bottle until it ends or detaches. Starts the bottle when it is only created. */
  readonly attach: (slug: Slug) => Effect.Effect<void, BackendError>
  /** Opens a shell for the operator in a running bottle, with the agent's user and privileges. Returns the shell's exit code. */
  readonly shell: (slug: Slug) => Effect.Effect<number, BackendError>
  /** A tar of one file or folder of a bottle, named by the last part of its path. Links are archived as links, not followed. */
  readonly copyOut: (slug: Slug, source: CopySource) => Stream.Stream<Uint8Array, BackendError>
  /** Puts a file into an exited bottle, owned by its agent. A file of that path is replaced. Absent: the backend cannot do it. */
  readonly copyIn?: (slug: Slug, target: CopyTarget) => Effect.Effect<void, BackendError>
  /** Turns the stopped bottle into an artifact and returns its name. The bottle itself stays. */
  readonly freeze: (slug: Slug, run: number) => Effect.Effect<string, BackendError | FreezeFailed>
  /** Removes the bottle's box and run directory, whatever its state. Artifacts, output and state stay. */
  readonly remove: (slug: Slug) => Effect.Effect<void, BackendError>
  /** Removes all artifacts of the slug except the one to keep. */
  readonly removeArtifacts: (slug: Slug, keep: Option.Option<string>) => Effect.Effect<void, BackendError>
  /** Removes everything of the slug: the box in any state, artifacts, volumes, stored output. */
  readonly destroy: (slug: Slug) => Effect.Effect<void, BackendError>
  /** Every bottle of this installation that has a box. */
  readonly list: Effect.Effect<ReadonlyArray<BackendBottle>, BackendError>
  /** Every artifact of this installation. */
  readonly artifacts: Effect.Effect<ReadonlyArray<BackendArtifact>, BackendError>
  /** Saves an artifact that is an image on the engine to a new file, and loads it. Absent: artifacts are in the home, or cannot be saved. */
  readonly images?: {
    readonly save: (reference: string, file: string) => Effect.Effect<void, BackendError>
    readonly load: (file: string) => Effect.Effect<void, BackendError>
  }
  /** Whether `artifacts` lists that one, at a cost that does not grow with the number of artifacts. Absent: `artifacts` is read. */
  readonly hasArtifact?: (slug: Slug, reference: string) => Effect.Effect<boolean, BackendError>
  /** Images that it built and that no bottle needs, and how to remove one. Absent: it builds none. */
  readonly builds?: {
    readonly unneeded: Effect.Effect<ReadonlyArray<BackendBuild>, BackendError>
    readonly remove: (reference: string) => Effect.Effect<void, BackendError>
  }
}

/** Defaults for a backend that supports neither a shell nor copies, to spread into its object. */
export const withoutTools = (backend: string): Pick<Backend, "shell" | "copyOut"> => {
  const refuse = (operation: string, target: string) =>
    new BackendFailure({ backend, operation, target, reason: `the ${backend} backend cannot do it yet` })
  return {
    shell: (slug) => refuse("shell", slug),
    copyOut: (slug) => Stream.fail(refuse("copy", slug)),
  }
}

/** Backends returns a backend by name. */
export class Backends extends Context.Tag("bot-bottle/Backends")<
  Backends,
  {
    readonly names: ReadonlyArray<string>
    /** The backend of a name or alias. It is built on the first `get`. */
    readonly get: (name: string) => Effect.Effect<Backend, BackendNotFound | BackendUnavailable>
    /** Files that `--copy-cwd` would copy: tracked files, and untracked files that are not ignored. */
    readonly workspace: (cwd: string) => Effect.Effect<WorkspaceListing, InvalidInput>
  }
>() {}
