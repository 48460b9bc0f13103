/** Reads an operation log chunk by chunk, in constant memory: verifies its chain, and measures its beginnings and their hashes. */
import { Effect, Option, Schema } from "effect"
import { createHash } from "node:crypto"
import { type FileHandle, open } from "node:fs/promises"
import { OperationLine } from "../../domain/OperationLine.ts"
import {
  type LogCounts,
  type LogPart,
  type Outcomes,
  PushApproval,
  type PushedCommits,
} from "../../domain/Provenance.ts"
import { isSecretRefusal } from "../../domain/SecretRefusals.ts"
import { type FileFailure, file } from "../../files/files.ts"
import type { LogAudit } from "../../services/OperationLogs.ts"
import { chainVerifier } from "./OperationChain.ts"

const PIECE = 256 * 1024
/** No line of a log is this long. The rest of a longer one is skipped. */
const LINE_MAX = 1024 * 1024
const NEWLINE = 10

/** What to measure. */
export interface AuditOptions {
  /** Where the log begins in the file; 0 unless given. */
  readonly from?: number
  /** Sizes in bytes of beginnings of the log. */
  readonly ends?: ReadonlyArray<number>
  /** Counts begin after so many bytes of the log; 0 unless given. */
  readonly countFrom?: number
}

/** Audits a log file. Empty lines are skipped, but belong to the hashes. */
export const auditFile = (path: string, options: AuditOptions = {}): Effect.Effect<LogAudit, FileFailure> =>
  Effect.scoped(
    Effect.flatMap(
      Effect.acquireRelease(
        file(() => open(path, "r")),
        (handle) => Effect.ignore(file(() => handle.close())),
      ),
      (handle) => auditHandle(handle, options),
    ),
  )

/** The audit of a log that does not exist. */
export const emptyAudit = (ends: ReadonlyArray<number> = []): LogAudit => {
  const auditor = logAuditor({ ends })
  return auditor.result()
}

const auditHandle = Effect.fnUntraced(function* (handle: FileHandle, options: AuditOptions) {
  const auditor = logAuditor(options)
  const piece = Buffer.allocUnsafe(PIECE)
  let position = options.from ?? 0
  while (true) {
    const { bytesRead } = yield* file(() => handle.read(piece, 0, PIECE, position))
    if (bytesRead === 0) break
    position += bytesRead
    let from = 0
    for (
      let end = piece.indexOf(NEWLINE);
      end !== -1 && end < bytesRead;
      end = piece.indexOf(NEWLINE, from)
    ) {
      auditor.add(piece.subarray(from, end + 1))
      auditor.endLine()
      from = end + 1
    }
    auditor.add(piece.subarray(from, bytesRead))
  }
  return auditor.result()
})

/** Takes the bytes of a log, line by line. */
const logAuditor = ({ ends = [], countFrom = 0 }: AuditOptions) => {
  const verifier = chainVerifier()
  const digest = createHash("sha256")
  const counter = lineCounter()
  const wanted = new Set(ends)
  const parts = new Map<number, LogPart>()
  let line: Array<Buffer> = []
  let size = 0
  let bytes = 0
  const here = (): LogPart => {
    const { lines, head } = verifier.verdict()
    return { bytes, lines, head, sha256: digest.copy().digest("hex") }
  }
  const note = () => void (wanted.has(bytes) && parts.set(bytes, here()))
  note()
  const endLine = () => {
    const text = Buffer.concat(line).toString("utf8").replace(/\n$/, "")
    if (text !== "" || size > LINE_MAX) verifier.add(text)
    if (bytes > countFrom) counter.add(text)
    line = []
    size = 0
    note()
  }
  return {
    endLine,
    add: (part: Buffer): void => {
      digest.update(part)
      bytes += part.length
      size += part.length
      if (size <= LINE_MAX) line.push(Buffer.from(part))
    },
    result: (): LogAudit => {
      if (size > 0) endLine()
      const whole = here()
      return {
        verdict: verifier.verdict(),
        whole,
        parts: ends.map((end) => parts.get(end)),
        counts: counter.counts(),
      }
    },
  }
}

/** An agent chooses the hosts that it tries and the methods that it calls. */
const NAMES_MAX = 100
/** A statement lists so many pushes; the counts of calls include all. */
const PUSHES_MAX = 1000

const lineCounter = () => {
  const calls = new Map<string, Outcomes>()
  const egress = new Map<string, Outcomes>()
  const begun = new Map<number, PushedCommits>()
  const pushes: Array<PushedCommits> = []
  let secretsRefused = 0
  const count = (into: Map<string, Outcomes>, given: string, outcome: keyof Outcomes) => {
    const name = into.has(given) || into.size < NAMES_MAX ? given : "others"
    const before = into.get(name) ?? { ok: 0, rejected: 0, failed: 0 }
    into.set(name, { ...before, [outcome]: before[outcome] + 1 })
  }
  return {
    add: (text: string): void => {
      const line = Option.getOrUndefined(readLine(text))
      if (line === undefined) return
      if (line.phase === "begin") {
        if (line.commits !== undefined && line.commits.length > 0)
          begun.set(line.seq, {
            line: line.seq,
            target: line.target,
            commits: line.commits,
            ...(line.approval !== undefined && { approval: line.approval }),
            ...(line.scanner !== undefined && { scanner: line.scanner }),
          })
        return
      }
      count(calls, line.op, line.outcome)
      if (isSecretRefusal(line.reason)) secretsRefused++
      if (line.op === "egress") count(egress, line.target, line.outcome)
      const push = begun.get(line.begin ?? 0)
      if (push !== undefined && line.outcome === "ok" && pushes.length < PUSHES_MAX) pushes.push(push)
      begun.delete(line.begin ?? 0)
    },
    counts: (): LogCounts => ({
      calls: Object.fromEntries(calls),
      egress: Object.fromEntries(egress),
      pushes: [...pushes],
      secretsRefused,
    }),
  }
}

const readLine = Schema.decodeOption(
  Schema.parseJson(
    Schema.Struct({
      ...OperationLine.fields,
      begin: Schema.optional(Schema.Number),
      commits: Schema.optional(Schema.Array(Schema.String)),
      approval: Schema.optional(PushApproval),
      scanner: Schema.optional(Schema.String),
    }),
  ),
)
