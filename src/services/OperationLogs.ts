/** OperationLogs reads and checks the operation logs that sidecars leave. */
import type { Effect, Stream } from "effect"
import { Context } from "effect"
import type { SidecarError } from "../domain/Errors.ts"
import type { LogCounts, LogPart } from "../domain/Provenance.ts"
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

/** Result of an audit of an operation log. */
export interface LogAudit {
  readonly verdict: LogVerdict
  readonly whole: LogPart
  /** For each asked size: the log up to there; undefined when it is shorter, or no line ends there. */
  readonly parts: ReadonlyArray<LogPart | undefined>
  readonly counts: LogCounts
}

/** What an audit measures. */
export interface AuditRequest {
  /** Sizes in bytes of beginnings of the log. */
  readonly ends?: ReadonlyArray<number>
  /** Counts begin after so many bytes; 0 unless given. */
  readonly countFrom?: number
}

/** OperationLogs reads and checks operation logs, of bottles and of destroyed bottles whose log is kept. */
export class OperationLogs extends Context.Tag("bot-bottle/OperationLogs")<
  OperationLogs,
  {
    /** Checks the chain of a bottle's operation log. */
    readonly verifyLog: (slug: Slug) => Effect.Effect<LogVerdict, SidecarError>
    /** Lines of a bottle's operation log, unchecked. */
    readonly log: (slug: Slug) => Effect.Effect<ReadonlyArray<string>, SidecarError>
    /** Checks the chain, and measures. */
    readonly audit: (slug: Slug, request?: AuditRequest) => Effect.Effect<LogAudit, SidecarError>
    /** The bytes of a bottle's operation log, after the first `from` of them; empty when there are none. */
    readonly bytes: (slug: Slug, from?: number) => Stream.Stream<Uint8Array, SidecarError>
    /** Moves the log of a bottle that is being destroyed to where it survives. Succeeds when there is none. */
    readonly keep: (slug: Slug) => Effect.Effect<void, SidecarError>
    /** Removes the kept log of a destroyed bottle. */
    readonly forget: (slug: Slug) => Effect.Effect<void, SidecarError>
    /** The first line of an exported file, and the audit of the log after it. `request` is made from that line. */
    readonly auditExport: (
      path: string,
      request: (header: string) => AuditRequest,
    ) => Effect.Effect<{ readonly header: string; readonly audit: LogAudit }, SidecarError>
  }
>() {}
