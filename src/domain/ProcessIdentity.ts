/** ProcessIdentity tells a process from a later one with the same PID, by start time and boot. */
import { Schema } from "effect"

/** Identifies one process among all that ever had its PID. */
export const ProcessIdentity = Schema.Struct({
  pid: Schema.Number,
  /** Linux: clock ticks since boot, from /proc. Elsewhere: the start time from `ps`, in UTC. */
  startTime: Schema.String,
  /** Linux: ID of the boot that `startTime` counts from. Elsewhere `""`. */
  bootId: Schema.String,
})
/** Identifies one process among all that ever had its PID. */
export type ProcessIdentity = typeof ProcessIdentity.Type
