/** Processes can tell whether a process that was written down earlier still runs. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { ProcessIdentity } from "../domain/ProcessIdentity.ts"

/** Processes can tell whether a process that was written down earlier still runs. */
export class Processes extends Context.Tag("bot-bottle/Processes")<
  Processes,
  {
    /** This process. */
    readonly self: Effect.Effect<ProcessIdentity>
    /** Whether that very process still runs; a process that cannot be looked at counts as running. */
    readonly isAlive: (identity: ProcessIdentity) => Effect.Effect<boolean>
  }
>() {}
