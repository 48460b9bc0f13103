/** Sidecar can launch a bottle's sidecar and find it again, and keeps what it leaves: events, check-in, operation log. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { RunKey } from "../domain/DeployKey.ts"
import type { AssignedForge } from "../domain/Assignment.ts"
import type { ForgeConfigInvalid, ForgeRequestError, SidecarError } from "../domain/Errors.ts"
import type { ForgeAccess } from "../domain/ForgeTarget.ts"
import type { BottleManifest } from "../domain/Manifest.ts"
import type { NumberedEvent, QueueEvent } from "../domain/QueueEvent.ts"
import type { NeckLimits } from "../domain/RunLimits.ts"
import type { Slug } from "../domain/Slug.ts"
import type { ForgeVariables } from "./Forges.ts"

/** What a sidecar is to serve. Paths follow from the slug. */
export interface SidecarConfig {
  readonly slug: Slug
  /** What the run is about on a forge; absent: a run without one. */
  readonly forge?: AssignedForge
  /** Ref patterns that a PR's head must match when no repository of `git` is the forge's own; else it is that one's patterns. */
  readonly push: ReadonlyArray<string>
  readonly routes: NonNullable<BottleManifest["routes"]>
  readonly egress: NonNullable<BottleManifest["egress"]>
  readonly git: NonNullable<BottleManifest["git"]>
  /** Serve a loopback port with a secret prefix too, and write how to reach it beside the socket. */
  readonly loopback: boolean
  /** The run: its counts go on when its sidecar is launched again; 1 unless given. */
  readonly run?: number
  /** Limits at the neck; the defaults unless given. */
  readonly limits?: NeckLimits
}

/** A sidecar that serves. */
export interface SidecarHandle {
  readonly slug: Slug
  readonly socketPath: string
  readonly alive: Effect.Effect<boolean>
  /** Answers what is in flight, then ends; ok when it has ended. */
  readonly stop: Effect.Effect<void, SidecarError>
}

/** A sidecar of this installation that was found by looking. */
export interface FoundSidecar extends SidecarHandle {
  /** Since when it serves, in milliseconds since the epoch. */
  readonly since: number
}

/** What a check of an operation log found. */
export interface LogVerdict {
  readonly ok: boolean
  readonly lines: number
  /** Hash of the last line; 64 zeros for an empty log. */
  readonly head: string
  /** The first hundred things wrong, each with its line number. */
  readonly problems: ReadonlyArray<{ readonly line: number; readonly problem: string }>
}

/** A run directory that no bottle needs. */
export interface LeftRun {
  /** Its own name: five characters. */
  readonly name: string
  /** Whose it was; `""` where it does not say. */
  readonly slug: Slug | ""
  /** When it was last used, in milliseconds since the epoch. */
  readonly since: number
}

/** Sidecar can launch a bottle's sidecar and find it again, and keeps what it leaves. */
export class Sidecar extends Context.Tag("bot-bottle/Sidecar")<
  Sidecar,
  {
    /** Reads FORGE_* variables for the kinds of forge that it can reach. */
    readonly variables: ForgeVariables
    /** Says which route has no secret and which repository no key, before anything is made. */
    readonly check: (config: SidecarConfig) => Effect.Effect<void, SidecarError>
    /** Launches a sidecar that outlives us; returns when it serves, with the deploy keys registered that `git` asks for. It revokes them when it ends. */
    readonly launch: (config: SidecarConfig) => Effect.Effect<SidecarHandle, SidecarError>
    /** The live sidecar of a slug, by its control socket. */
    readonly find: (slug: Slug) => Effect.Effect<Option.Option<SidecarHandle>, SidecarError>
    /** Every live sidecar of this installation, whether or not there is a bottle. */
    readonly list: Effect.Effect<ReadonlyArray<FoundSidecar>, SidecarError>
    /** Valid events not yet settled, in order; files that are not valid are moved to `queue/rejected/` and logged. */
    readonly events: (slug: Slug) => Effect.Effect<ReadonlyArray<NumberedEvent>, SidecarError>
    /** Adds an event, as the watcher does with `exit`. */
    readonly append: (event: QueueEvent) => Effect.Effect<number, SidecarError>
    /** Removes an event whose effect is stored. Idempotent. */
    readonly settle: (slug: Slug, number: number) => Effect.Effect<void, SidecarError>
    /** When the agent last called its neck (ISO 8601 in UTC). */
    readonly lastCheckin: (slug: Slug) => Effect.Effect<Option.Option<string>, SidecarError>
    /** Checks the chain of the operation log. */
    readonly verifyLog: (slug: Slug) => Effect.Effect<LogVerdict, SidecarError>
    /** Lines of the operation log, as they stand. */
    readonly log: (slug: Slug) => Effect.Effect<ReadonlyArray<string>, SidecarError>
    /** Deploy keys that no sidecar uses any more and that may still be registered, whether or not there is a bottle. */
    readonly leftKeys: Effect.Effect<ReadonlyArray<RunKey>, SidecarError>
    /**
     * Revokes one of them with a token of the same forge. When it succeeds the forge has
     * the key no more, or never had it; when it fails the key stays among those that are left.
     */
    readonly revokeKey: (
      key: RunKey,
      access: ForgeAccess,
    ) => Effect.Effect<void, SidecarError | ForgeConfigInvalid | ForgeRequestError>
    /** Stores of upstream objects that no bottle borrows from, each with when it was last used, in milliseconds since the epoch. */
    readonly unusedStores: Effect.Effect<
      ReadonlyArray<{ readonly name: string; readonly since: number }>,
      SidecarError
    >
    /** Removes such a store; answers whether it is gone, which it is not when a bottle has begun to borrow from it. */
    readonly removeStore: (name: string) => Effect.Effect<boolean, SidecarError>
    /** Run directories of this home that are of none of these bottles and that no sidecar serves. */
    readonly leftRuns: (slugs: ReadonlyArray<Slug>) => Effect.Effect<ReadonlyArray<LeftRun>, SidecarError>
    /** Removes such a directory. */
    readonly removeRun: (name: string) => Effect.Effect<void, SidecarError>
    /** Removes the run directory of a slug that has neither a box nor a sidecar. */
    readonly clear: (slug: Slug) => Effect.Effect<void, SidecarError>
    /** Removes the run directory and the state directory of a slug, once all else of it is gone. */
    readonly forget: (slug: Slug) => Effect.Effect<void, SidecarError>
  }
>() {}
