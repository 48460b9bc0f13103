/** The bottle that `verify` launches: as its manifest describes it, but with the verification's own credentials and limits. */
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
  /** Version of bot-bottle: another version tries other probes. */
  readonly version: string
}

/** Prefix of the names of probes in the second round. */
export const AGAIN = "after rehydrate: "

/** Probes try limits by reaching them. A manifest's own limits may be all that the machine has. */
const MEMORY_MAX = 256 * 1024 * 1024
const PIDS_MAX = 128
const TIMEOUT = "5 minutes"

/** Limits at the neck of a bottle that is verified: probes try each by reaching it. */
export const NECK_PROBE_LIMITS: NeckLimits = {
  connections: 48,
  callRate: 200,
  logBytes: 64 * 1024 ** 2,
  comments: 5,
}

/** What the agent of a bottle that is verified may ask for. It asks for more, too. */
export const PROBE_APPROVALS = ["egress", "protected_path", "question"] as const

/** The limits of a bottle that is verified: its manifest's, capped. */
export const PROBE_LIMITS = ({ limits = {} }: BottleManifest): PlanLimits => ({
  memoryBytes: Math.min(limits.memory === undefined ? MEMORY_MAX : bytesOf(limits.memory), MEMORY_MAX),
  pids: Math.min(limits.pids ?? PIDS_MAX, PIDS_MAX),
})

/**
 * The manifest of a bottle that is verified. The ground's routes and repositories replace its own, which lead to other services with
 * the operator's credentials; its egress gets one more host.
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
    approvals: PROBE_APPROVALS,
    egress: { allow: [...(manifest.egress?.allow ?? []), ...(ground.egress?.allow ?? [])] },
    ...(ground.routes !== undefined && { routes: ground.routes }),
    ...(ground.git !== undefined && { git: ground.git }),
  }
}
