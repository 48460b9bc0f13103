/** checkStatements: whether signed statements and an operation log belong together, and nothing is missing. */
import { Option } from "effect"
import { type LogPart, LOG_SUBJECT, decodeStatement } from "./Provenance.ts"

/** A statement and the result of checking its signature. */
export interface CheckedStatement {
  /** The signed JSON. */
  readonly payload: string
  /** The key that signed it; none when no key that is accepted did. */
  readonly key: Option.Option<string>
  /** Absent: it is not signed yet. */
  readonly isSigned: boolean
}

/** What is known about the log that was checked. */
export interface CheckedLog {
  /** The beginning of the log of so many bytes; undefined when the log is shorter, or no line ends there. */
  readonly partOf: (bytes: number) => LogPart | undefined
  readonly lines: number
}

/** A statement that was read, for a report. */
export interface StatedRun {
  readonly run: number
  readonly statedAt: string
  /** The key that signed it; null when its signature is not accepted. */
  readonly key: string | null
  /** Lines of the log up to its end. */
  readonly lines: number
}

/** Result of the check. `line` 0: the problem is not in one line. */
export interface StatementVerdict {
  readonly runs: ReadonlyArray<StatedRun>
  readonly problems: ReadonlyArray<{ readonly line: number; readonly problem: string }>
  /** Lines of the log after the newest statement. */
  readonly unsignedLines: number
}

/** Bytes of the log at which the statements end, in their order. */
export const endsOf = (statements: ReadonlyArray<Pick<CheckedStatement, "payload">>): ReadonlyArray<number> =>
  statements.flatMap(({ payload }) =>
    Option.match(decodeStatement(payload), {
      onNone: () => [],
      onSome: ({ predicate }) => [predicate.log.bytes],
    }),
  )

/**
 * Checks statements of one bottle in their order against its log: signatures, their order without a gap, and the part of the log that
 * each one vouches for.
 */
export const checkStatements = (
  slug: string,
  statements: ReadonlyArray<CheckedStatement>,
  log: CheckedLog,
): StatementVerdict => {
  const problems: Array<{ line: number; problem: string }> = []
  const runs: Array<StatedRun> = []
  let previous: { readonly run: number; readonly bytes: number } | undefined
  let stated = 0
  statements.forEach(({ payload, key, isSigned }, index) => {
    const at = (problem: string) => problems.push({ line: 0, problem: `statement ${index + 1} ${problem}` })
    if (Option.isNone(key)) at(isSigned ? "is not signed by an accepted key" : "is not signed yet")
    const statement = Option.getOrUndefined(decodeStatement(payload))
    if (statement === undefined) return void at("is not a statement about a run")
    const { predicate, subject } = statement
    const { run, previousRun } = predicate
    if (predicate.slug !== slug) at(`is about bottle "${predicate.slug}"`)
    if (previousRun !== (previous?.run ?? null) || run <= (previous?.run ?? 0))
      at(
        `(run ${run}) follows ${previousRun === null ? "no run" : `run ${previousRun}`}, and not ${
          previous === undefined ? "the beginning" : `run ${previous.run}`
        }: statements are missing or in another order`,
      )
    const part = log.partOf(predicate.log.bytes)
    const signed = subject.find(({ name }) => name === LOG_SUBJECT)?.digest["sha256"]
    if (predicate.log.bytes < (previous?.bytes ?? 0)) at(`(run ${run}) ends before the one before it`)
    if (part === undefined)
      at(
        `(run ${run}) vouches for ${predicate.log.lines} lines, but the log was cut off or changed before that`,
      )
    else if (
      part.sha256 !== signed ||
      part.sha256 !== predicate.log.sha256 ||
      part.head !== predicate.log.head ||
      part.lines !== predicate.log.lines
    )
      at(`(run ${run}) does not match the lines of the log`)
    else stated = Math.max(stated, part.lines)
    previous = { run, bytes: predicate.log.bytes }
    runs.push({
      run,
      statedAt: predicate.statedAt,
      key: Option.getOrNull(key),
      lines: predicate.log.lines,
    })
  })
  return { runs, problems, unsignedLines: Math.max(0, log.lines - stated) }
}
