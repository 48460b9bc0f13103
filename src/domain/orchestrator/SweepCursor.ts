/** SweepCursor records the time up to which a forge was swept. */
import { Schema } from "effect"
import { Millis } from "./IssueKey.ts"

/** The time up to which a forge was swept. */
export const SweepCursor = Schema.Struct({
  /** By the forge's clock. */
  forgeTime: Millis,
  /** By this machine's clock, at the same moment. */
  sweptAt: Millis,
  /** Identifies which repositories were served then. Any change of them changes it. */
  listing: Schema.String,
})
/** The time up to which a forge was swept. */
export type SweepCursor = typeof SweepCursor.Type
