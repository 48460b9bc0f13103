/** ProcessIdentity tells one process from another that got its pid later: by start time and boot. */
import { Schema } from "effect"

/** One process among all that ever had its pid. */
export const ProcessIdentity = Schema.Struct({
  pid: Schema.Number,
  /** Linux: clock ticks since boot, as /proc has them; elsewhere: the time that `ps` names, in UTC. */
  startTime: Schema.String,
  /** Linux: id of the boot that `startTime` counts from; elsewhere `""`. */
  bootId: Schema.String,
})
/** One process among all that ever had its pid. */
export type ProcessIdentity = typeof ProcessIdentity.Type
