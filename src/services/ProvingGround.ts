/** ProvingGround sets up what probes of a bottle aim at, outside of it, and tells what came there. */
import type { Effect, Redacted, Scope } from "effect"
import { Context, Schema } from "effect"
import type { BottleManifest } from "../domain/Manifest.ts"
import type { Outside } from "../domain/probes/Probe.ts"
import type { ProbeGround } from "../domain/probes/ProbeGround.ts"
import type { ForgeEnv } from "./ForgeEnv.ts"

/** The ground could not be made: a port, a folder, or git was not to be had. */
export class GroundFailure extends Schema.TaggedError<GroundFailure>()("GroundFailure", {
  reason: Schema.String,
}) {
  override get message(): string {
    return `the ground for the probes could not be made: ${this.reason}`
  }
}

/** A ground that is ready. */
export interface Ground {
  /** FORGE_* of a forge of its own. */
  readonly forgeEnv: ForgeEnv
  /** What the bottle's manifest gets: a listed host, a route and a repository, all of this machine's loopback. */
  readonly manifest: Pick<BottleManifest, "egress" | "routes" | "git">
  /** What probes of a bottle are made for. */
  readonly of: (slug: string) => Omit<ProbeGround, "round" | "limits" | "asRoot">
  /** Secrets of this run that must not be in the bottle: made for it, and good for nothing else. */
  readonly secrets: ReadonlyArray<Redacted.Redacted>
  /** What came here since it was last asked. */
  readonly seen: Effect.Effect<Pick<Outside, "heard" | "forgeWrites" | "refs" | "routed">, GroundFailure>
}

/** ProvingGround sets up what probes aim at. */
export class ProvingGround extends Context.Tag("bot-bottle/ProvingGround")<
  ProvingGround,
  {
    /** Made anew for each verification; gone with the scope. */
    readonly prepare: Effect.Effect<Ground, GroundFailure, Scope.Scope>
  }
>() {}
