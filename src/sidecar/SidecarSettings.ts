/** SidecarSettings: times and bounds of a sidecar that no manifest names, with a default for each. */
import { Context, Schema } from "effect"

const amount = (value: number) =>
  Schema.optionalWith(Schema.NonNegative, { exact: true, default: () => value })

/** Times are in milliseconds. */
export const Settings = Schema.Struct({
  /** Without a connection for so long it ends (10 minutes); six times as long before the first one. */
  idleMs: amount(600_000),
  /** How long the rest of a request that has begun may take (30 seconds). */
  requestTimeoutMs: amount(30_000),
  /** How long nothing may pass in a call through a route (15 minutes, as models think for minutes). */
  routeIdleMs: amount(900_000),
  /** How long nothing may pass in a tunnel (15 minutes). */
  egressIdleMs: amount(900_000),
  /** How long a tunnel's client may take for its TLS hello (15 seconds). */
  helloMs: amount(15_000),
  /** How long calls in flight may take at the end (5 seconds). */
  drainMs: amount(5000),
  /** How long a step of git may make no progress (15 seconds). */
  gitProgressMs: amount(15_000),
  /** How long a scan for secrets may be at one object (15 seconds). */
  scanMs: amount(15_000),
  /** Bytes of a push or of what a fetch asks (100 MiB). */
  gitBodyMax: amount(100 * 1024 * 1024),
  /** How long unpacking a push and looking at it may take (5 minutes). */
  gitInspectMs: amount(300_000),
  /**
   * How long the registering of a deploy key may take (8 seconds), and its revoking at the end (5 seconds): together
   * less than a launcher waits for a sidecar, and the second less than it waits for one to stop.
   */
  registerMs: amount(8000),
  revokeMs: amount(5000),
})
/** Times and bounds of a sidecar. */
export type Settings = typeof Settings.Type
/** Those that differ from the defaults. */
export type SidecarTimes = typeof Settings.Encoded

/** SidecarSettings: by default every setting has its default. */
export class SidecarSettings extends Context.Reference<SidecarSettings>()("bot-bottle/sidecar/Settings", {
  defaultValue: () => Settings.make({}),
}) {}
