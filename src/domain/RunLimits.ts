/** Limits of a run that are kept outside of its box: at the neck, in the operation log and in its output. */
import { type Limits, bytesOf } from "./Manifest.ts"

/** What the neck of a run lets pass. */
export interface NeckLimits {
  /** Connections at once. */
  readonly connections: number
  /** Calls per second; {@link BURST_SECONDS} times as many may come at once. */
  readonly callRate: number
  /** Bytes that a run may add to the operation log. */
  readonly logBytes: number
  /** Comments that a run may post. */
  readonly comments: number
}

/** Calls of so many seconds may come at once. */
export const BURST_SECONDS = 5

/** Far above what agents need: an agent makes a few calls per second on a few connections, and a line of the log has some 400 bytes. */
export const DEFAULT_NECK_LIMITS: NeckLimits = {
  connections: 256,
  callRate: 100,
  logBytes: 256 * 1024 ** 2,
  comments: 20,
}

/** Bytes of output that are kept and shown of a run, unless its manifest says otherwise. */
export const DEFAULT_OUTPUT_BYTES = 512 * 1024 ** 2

/** The limits of a manifest at the neck, with the defaults. */
export const neckLimits = (limits: Limits = {}): NeckLimits => ({
  connections: limits.connections ?? DEFAULT_NECK_LIMITS.connections,
  callRate: limits.callRate ?? DEFAULT_NECK_LIMITS.callRate,
  logBytes: limits.logBytes === undefined ? DEFAULT_NECK_LIMITS.logBytes : bytesOf(limits.logBytes),
  comments: limits.comments ?? DEFAULT_NECK_LIMITS.comments,
})

/** A limit whose first refusal is reported. */
export type ReportedLimit = keyof NeckLimits | "memory"
