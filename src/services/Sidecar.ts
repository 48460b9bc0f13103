/** Sidecar launches a bottle's sidecar and finds it again. What sidecars leave on disk has services of its own. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { AssignedForge } from "../domain/Assignment.ts"
import type { SidecarError } from "../domain/Errors.ts"
import type { BottleManifest } from "../domain/Manifest.ts"
import type { RunGit } from "../domain/OwnRepository.ts"
import type { NeckLimits } from "../domain/RunLimits.ts"
import type { Slug } from "../domain/Slug.ts"
import type { ForgesApi, ForgeVariables } from "./Forges.ts"

/** What a sidecar is to serve. Paths follow from the slug. */
export interface SidecarConfig {
  readonly slug: Slug
  /** What the run is about on a forge; absent: a run without one. */
  readonly forge?: AssignedForge
  /** Ref patterns that a PR's head must match when no repository of `git` is the forge's own; else it is that one's patterns. */
  readonly push: ReadonlyArray<string>
  readonly routes: NonNullable<BottleManifest["routes"]>
  /** Names of those that lead to a model: what its provider says of limits is told; none unless given. */
  readonly modelRoutes?: ReadonlyArray<string>
  readonly egress: NonNullable<BottleManifest["egress"]>
  readonly git: RunGit
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

/** Sidecar launches a bottle's sidecar and finds it again. */
export class Sidecar extends Context.Tag("bot-bottle/Sidecar")<
  Sidecar,
  {
    /** Reads FORGE_* variables for the kinds of forge that it can reach. */
    readonly variables: ForgeVariables
    /** Where the forge of a target shows and serves its repositories, without a slash at the end. */
    readonly webUrl: ForgesApi["webUrl"]
    /** Says which route has no secret and which repository no key, before anything is made. */
    readonly check: (config: SidecarConfig) => Effect.Effect<void, SidecarError>
    /** Launches a sidecar that outlives us; returns when it serves, with the deploy keys registered that `git` asks for. It revokes them when it ends. */
    readonly launch: (config: SidecarConfig) => Effect.Effect<SidecarHandle, SidecarError>
    /** The live sidecar of a slug, by its control socket. */
    readonly find: (slug: Slug) => Effect.Effect<Option.Option<SidecarHandle>, SidecarError>
    /** Every live sidecar of this installation, whether or not there is a bottle. */
    readonly list: Effect.Effect<ReadonlyArray<FoundSidecar>, SidecarError>
  }
>() {}
