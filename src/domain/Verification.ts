/** What a bottle is like when it is verified: as its manifest has it, but with credentials and limits of the verification's own. */
import type { PlanLimits } from "./Bottle.ts"
import type { BottleManifest } from "./Manifest.ts"
import { bytesOf } from "./Manifest.ts"
import type { NeckLimits } from "./RunLimits.ts"

/** What a verification holds for. */
export interface VerificationKey {
  /** Digest of the image. */
  readonly image: string
  /** The engine and its version, as it says itself. */
  readonly engine: string
  /** Version of bot-bottle: another one tries other things. */
  readonly version: string
}

/** What stands before the names of probes of the second round. */
export const AGAIN = "after rehydrate: "

/** Limits are tried by reaching them: those of a manifest may be all that the machine has. */
const MEMORY_MAX = 256 * 1024 * 1024
const PIDS_MAX = 128
const TIMEOUT = "5 minutes"

/** Limits at the neck of a bottle that is verified: each is tried by reaching it. */
export const NECK_PROBE_LIMITS: NeckLimits = {
  connections: 48,
  callRate: 200,
  logBytes: 64 * 1024 ** 2,
  comments: 5,
}

/** The limits of a bottle that is verified: its manifest's, unless they are large. */
export const PROBE_LIMITS = ({ limits = {} }: BottleManifest): PlanLimits => ({
  memoryBytes: Math.min(limits.memory === undefined ? MEMORY_MAX : bytesOf(limits.memory), MEMORY_MAX),
  pids: Math.min(limits.pids ?? PIDS_MAX, PIDS_MAX),
})

/**
 * The manifest of a bottle that is verified. Its own routes and repositories, which lead to others with credentials of
 * the operator's, give way to those of the ground; its egress gets one more host.
 */
export const verificationManifest = (
  manifest: BottleManifest,
  ground: Pick<BottleManifest, "egress" | "routes" | "git">,
): BottleManifest => {
  const { workspace: _, verify: __, routes: ___, git: ____, ...kept } = manifest
  const { memoryBytes, pids } = PROBE_LIMITS(manifest)
  const { idleTimeout: _____, ...limits } = manifest.limits ?? {}
  return {
    ...kept,
    limits: { ...limits, memory: memoryBytes, pids, timeout: TIMEOUT },
    egress: { allow: [...(manifest.egress?.allow ?? []), ...(ground.egress?.allow ?? [])] },
    ...(ground.routes !== undefined && { routes: ground.routes }),
    ...(ground.git !== undefined && { git: ground.git }),
  }
}
