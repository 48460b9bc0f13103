/** ProvingGround sets up the targets of a bottle's probes outside the bottle, and reports what reached them. */
import type { Effect, Redacted, Scope } from "effect"
import { Context, Schema } from "effect"
import type { BottleManifest } from "../domain/Manifest.ts"
import type { Outside } from "../domain/probes/Probe.ts"
import type { ProbeGround } from "../domain/probes/ProbeGround.ts"
import type { ForgeEnv } from "./ForgeEnv.ts"

/** The ground could not be set up: no port, no folder, or no git. */
export class GroundFailure extends Schema.TaggedError<GroundFailure>()("GroundFailure", {
  reason: Schema.String,
}) {
  override get message(): string {
    return `the ground for the probes could not be made: ${this.reason}`
  }
}

/** A ground that is set up. */
export interface Ground {
  /** FORGE_* variables of the ground's own forge. */
  readonly forgeEnv: ForgeEnv
  /** Additions to the bottle's manifest: a listed host, a route and a repository, all on this machine's loopback interface. */
  readonly manifest: Pick<BottleManifest, "egress" | "routes" | "git">
  /** The targets that the probes of a bottle use. */
  readonly of: (slug: string) => Omit<ProbeGround, "round" | "limits" | "asRoot">
  /** Secrets of this run that must not be in the bottle. They are made for it and have no other use. */
  readonly secrets: ReadonlyArray<Redacted.Redacted>
  /** What reached the ground since the last call. */
  readonly seen: Effect.Effect<Pick<Outside, "heard" | "forgeWrites" | "refs" | "routed">, GroundFailure>
}

/** ProvingGround sets up the targets of probes. */
export class ProvingGround extends Context.Tag("bot-bottle/ProvingGround")<
  ProvingGround,
  {
    /** Set up anew for each verification, and removed with the scope. */
    readonly prepare: Effect.Effect<Ground, GroundFailure, Scope.Scope>
  }
>() {}
