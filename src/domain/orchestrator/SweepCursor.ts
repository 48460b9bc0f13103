/** SweepCursor says up to when a forge was swept. */
import { Schema } from "effect"
import { Millis } from "./IssueKey.ts"

/** Up to when a forge was swept. */
export const SweepCursor = Schema.Struct({
  /** By the forge's clock. */
  forgeTime: Millis,
  /** By the clock of this machine, at the same moment. */
  sweptAt: Millis,
  /** Names what was served then; any text that differs when other repositories are served. */
  listing: Schema.String,
})
/** Up to when a forge was swept. */
export type SweepCursor = typeof SweepCursor.Type
