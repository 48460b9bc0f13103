/** Processes can tell whether a recorded process is still running. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { ProcessIdentity } from "../domain/ProcessIdentity.ts"

/** Processes can tell whether a recorded process is still running. */
export class Processes extends Context.Tag("bot-bottle/Processes")<
  Processes,
  {
    /** This process. */
    readonly self: Effect.Effect<ProcessIdentity>
    /** Whether that very process is still running. A process that cannot be inspected counts as running. */
    readonly isAlive: (identity: ProcessIdentity) => Effect.Effect<boolean>
  }
>() {}
