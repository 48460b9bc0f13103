/** Limits of a run that are enforced outside of its box: at the neck, in the operation log and on its output. */
import { Struct } from "effect"
import type { RunUseLimits } from "./Bottle.ts"
import { type Limits, bytesOf } from "./Manifest.ts"

/** Limits at the neck of a run. */
export interface NeckLimits extends RunUseLimits {
  /** Simultaneous connections. */
  readonly connections: number
  /** Calls per second, with bursts of up to {@link BURST_SECONDS} times as many. */
  readonly callRate: number
  /** Bytes that a run may add to the operation log. */
  readonly logBytes: number
  /** Comments that a run may post. */
  readonly comments: number
}

/** A burst may have the calls of so many seconds. */
export const BURST_SECONDS = 5

/** Far more than agents need: an agent makes a few calls per second on a few connections, and a line of the log has about 400 bytes. */
export const DEFAULT_NECK_LIMITS: NeckLimits = {
  connections: 256,
  callRate: 100,
  logBytes: 256 * 1024 ** 2,
  comments: 20,
}

/** How many bytes of a run's output are kept and shown by default. */
export const DEFAULT_OUTPUT_BYTES = 512 * 1024 ** 2

/** The limits of a manifest at the neck, with defaults. */
export const neckLimits = (limits: Limits = {}): NeckLimits => ({
  connections: limits.connections ?? DEFAULT_NECK_LIMITS.connections,
  callRate: limits.callRate ?? DEFAULT_NECK_LIMITS.callRate,
  logBytes: limits.logBytes === undefined ? DEFAULT_NECK_LIMITS.logBytes : bytesOf(limits.logBytes),
  comments: limits.comments ?? DEFAULT_NECK_LIMITS.comments,
  ...useLimits(limits),
})

/** The limits of use in a manifest. */
export const useLimits = ({ tokens, cost, calls }: Limits = {}): RunUseLimits => ({
  ...(tokens !== undefined && { tokens }),
  ...(cost !== undefined && { cost }),
  ...(calls !== undefined && { calls }),
})

/** Limits without those of use. */
export const withoutUseLimits = (limits: Limits = {}): Limits =>
  Struct.omit(limits, "tokens", "cost", "calls")

/** Limits with the smaller one of each limit of use. */
export const tightened = (limits: Limits | undefined, by: RunUseLimits): Limits => {
  const least = (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined ? b : b === undefined ? a : Math.min(a, b)
  const [tokens, cost, calls] = [
    least(limits?.tokens, by.tokens),
    least(limits?.cost, by.cost),
    least(limits?.calls, by.calls),
  ]
  return { ...limits, ...useLimits({ tokens, cost, calls }) }
}

/** A limit whose first refusal is reported. */
export type ReportedLimit = keyof NeckLimits | "memory"
