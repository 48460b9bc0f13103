/** SidecarSettings: times and limits of a sidecar that manifests cannot set, each with a default. */
import { Context, Schema } from "effect"

const amount = (value: number) =>
  Schema.optionalWith(Schema.NonNegative, { exact: true, default: () => value })

/** Times are in milliseconds. */
export const Settings = Schema.Struct({
  /** How long it serves without a connection (10 minutes); six times as long before the first one. */
  idleMs: amount(600_000),
  /** How long the rest of a started request may take (30 seconds). */
  requestTimeoutMs: amount(30_000),
  /** How long a call through a route may be silent (15 minutes, since models think for minutes). */
  routeIdleMs: amount(900_000),
  /** How long a tunnel may be silent (15 minutes). */
  egressIdleMs: amount(900_000),
  /** How long a tunnel's client may take for its TLS hello (15 seconds). */
  helloMs: amount(15_000),
  /** How long calls in flight may take at shutdown (5 seconds). */
  drainMs: amount(5000),
  /** How long a step of git may make no progress (15 seconds). */
  gitProgressMs: amount(15_000),
  /** How long a scan for secrets may take for one object (15 seconds). */
  scanMs: amount(15_000),
  /** Bytes of a push or of a fetch request (100 MiB). */
  gitBodyMax: amount(100 * 1024 * 1024),
  /** How long unpacking and inspecting a push may take (5 minutes). */
  gitInspectMs: amount(300_000),
  /**
   * How long registering a deploy key (8 seconds) and revoking it at the end (5 seconds) may take. Together this is less than a
   * launcher waits for a sidecar to start, and the second is less than it waits for one to stop.
   */
  registerMs: amount(8000),
  revokeMs: amount(5000),
})
/** Times and limits of a sidecar. */
export type Settings = typeof Settings.Type
/** Settings that differ from the defaults. */
export type SidecarTimes = typeof Settings.Encoded

/** SidecarSettings: by default every setting has its default. */
export class SidecarSettings extends Context.Reference<SidecarSettings>()("bot-bottle/sidecar/Settings", {
  defaultValue: () => Settings.make({}),
}) {}
