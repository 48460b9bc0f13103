/** The current time in the format of rows and events. */
import { DateTime, Effect } from "effect"

/** Now, as ISO 8601 in UTC. */
export const nowIso: Effect.Effect<string> = Effect.map(DateTime.now, DateTime.formatIso)
