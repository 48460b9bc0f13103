/** OperationLogs reads and checks the operation logs that sidecars leave. */
import type { Effect } from "effect"
import { Context } from "effect"
import type { SidecarError } from "../domain/Errors.ts"
import type { Slug } from "../domain/Slug.ts"

/** Result of a check of an operation log. */
export interface LogVerdict {
  readonly ok: boolean
  readonly lines: number
  /** Hash of the last line; 64 zeros for an empty log. */
  readonly head: string
  /** The first hundred problems, each with its line number. */
  readonly problems: ReadonlyArray<{ readonly line: number; readonly problem: string }>
}

/** OperationLogs reads and checks operation logs. */
export class OperationLogs extends Context.Tag("bot-bottle/OperationLogs")<
  OperationLogs,
  {
    /** Checks the chain of a bottle's operation log. */
    readonly verifyLog: (slug: Slug) => Effect.Effect<LogVerdict, SidecarError>
    /** Lines of a bottle's operation log, unchecked. */
    readonly log: (slug: Slug) => Effect.Effect<ReadonlyArray<string>, SidecarError>
  }
>() {}
