/** Sidecar launches a bottle's sidecar and finds it again. Other services manage the files that sidecars leave on disk. */
import type { Effect, Option } from "effect"
import { Context } from "effect"
import type { RequestKind } from "../domain/AgentRequest.ts"
import type { AssignedForge } from "../domain/Assignment.ts"
import type { SidecarError } from "../domain/Errors.ts"
import type { BottleManifest } from "../domain/Manifest.ts"
import type { RunGit } from "../domain/OwnRepository.ts"
import type { NeckLimits } from "../domain/RunLimits.ts"
import type { Slug } from "../domain/Slug.ts"
import type { ForgesApi, ForgeVariables } from "./Forges.ts"

/** What a sidecar is to serve. Its paths follow from the slug. */
export interface SidecarConfig {
  readonly slug: Slug
  /** The forge target and assignment of the run; absent for a run without a forge. */
  readonly forge?: AssignedForge
  /**
   * Ref patterns that a pull request's head must match when no repository of `git` is the forge's own. Otherwise that repository's
   * patterns hold.
   */
  readonly push: ReadonlyArray<string>
  readonly routes: NonNullable<BottleManifest["routes"]>
  /** Names of the routes that lead to a model: limits that its provider reports are recorded as events. None unless given. */
  readonly modelRoutes?: ReadonlyArray<string>
  readonly egress: NonNullable<BottleManifest["egress"]>
  /** What the agent may ask a person for; `question` alone unless given. */
  readonly approvals?: ReadonlyArray<RequestKind>
  readonly git: RunGit
  /** Also serve a loopback port with a secret prefix, and write its address beside the socket. */
  readonly loopback: boolean
  /** Number of the run. Its counts continue when its sidecar is relaunched. 1 unless given. */
  readonly run?: number
  /** W3C's `traceparent` of the run, for its operation log; absent when the run is not traced. */
  readonly traceparent?: string
  /** Limits at the neck; the defaults unless given. */
  readonly limits?: NeckLimits
}

/** A sidecar that serves a neck. */
export interface SidecarHandle {
  readonly slug: Slug
  readonly socketPath: string
  readonly alive: Effect.Effect<boolean>
  /** Finishes calls in flight, then stops. Succeeds when it has already stopped. */
  readonly stop: Effect.Effect<void, SidecarError>
}

/** A sidecar of this installation, found on the machine. */
export interface FoundSidecar extends SidecarHandle {
  /** When it began to serve, in milliseconds since the epoch. */
  readonly since: number
}

/** Sidecar launches a bottle's sidecar and finds it again. */
export class Sidecar extends Context.Tag("bot-bottle/Sidecar")<
  Sidecar,
  {
    /** Reads FORGE_* variables for the kinds of forge that it supports. */
    readonly variables: ForgeVariables
    /** The web address under which a target's forge shows and serves its repositories, without a trailing slash. */
    readonly webUrl: ForgesApi["webUrl"]
    /** Reports routes without a secret and repositories without a key, before anything is created. */
    readonly check: (config: SidecarConfig) => Effect.Effect<void, SidecarError>
    /**
     * Starts a process for the next launch, unless one waits: that launch then takes less time. It holds nothing of any run, and ends
     * with this process unless a launch takes it.
     */
    readonly prepare: Effect.Effect<void>
    /**
     * Launches a sidecar that outlives this process. Returns once it serves and the deploy keys that `git` asks for are registered. The
     * sidecar revokes them when it ends.
     */
    readonly launch: (config: SidecarConfig) => Effect.Effect<SidecarHandle, SidecarError>
    /** The live sidecar of a slug, by its control socket. */
    readonly find: (slug: Slug) => Effect.Effect<Option.Option<SidecarHandle>, SidecarError>
    /** Every live sidecar of this installation, whether or not its bottle exists. */
    readonly list: Effect.Effect<ReadonlyArray<FoundSidecar>, SidecarError>
  }
>() {}
