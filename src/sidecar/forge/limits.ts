/** Limits of a run at its neck: counts, refusals, and one report for each limit. */
import { Clock, Effect, Fiber, Option, Runtime } from "effect"
import type { Scope } from "effect"
import { appendFile, readFile } from "node:fs/promises"
import type { Limits } from "../../domain/Manifest.ts"
import { BURST_SECONDS, type NeckLimits, type ReportedLimit, neckLimits } from "../../domain/RunLimits.ts"
import type { Slug } from "../../domain/Slug.ts"
import { CallFailure } from "./CallFailure.ts"
import { file, orElseOn } from "../../files/files.ts"
import { type OperationLogApi } from "../record/OperationLog.ts"
import * as QueueDir from "../record/QueueDir.ts"
import { BODIES_BYTES_MAX } from "../http/room.ts"

/** A refusal because of a limit. */
export interface LimitRefusal {
  readonly limit: ReportedLimit
  readonly message: string
  /** Seconds after which a retry may succeed; absent when no retry can. */
  readonly retryAfter?: number
}

/** Enforces the limits of one run. */
export interface LimitKeeper {
  readonly limits: NeckLimits
  /** Counts a call. Returns a refusal when it is over the limit. */
  readonly admit: () => LimitRefusal | undefined
  /** Counts a comment. Fails when it is over the limit. */
  readonly takeComment: Effect.Effect<void, CallFailure>
  /** Uncounts a comment that the forge did not accept. */
  readonly giveComment: Effect.Effect<void>
  /** Reports a limit the first time that the run reaches it. */
  readonly reached: (limit: ReportedLimit) => void
}

/** What enforcing limits needs. */
export interface KeeperOptions {
  readonly limits: Limits | undefined
  readonly counts: RunCounts
  /** Whether the operation log has no room for a call. */
  readonly logIsFull: () => boolean
  /** Notifies the operator. */
  readonly report: (limit: ReportedLimit, value: number) => Effect.Effect<void>
}

/** Starts enforcing the limits of a run. A report in progress is finished before the scope closes. */
export const makeKeeper = (options: KeeperOptions): Effect.Effect<LimitKeeper, never, Scope.Scope> =>
  Effect.gen(function* () {
    const runtime = yield* Effect.runtime<never>()
    const reports: Array<Fiber.RuntimeFiber<void>> = []
    yield* Effect.addFinalizer(() => Fiber.awaitAll(reports))
    const limits = neckLimits(options.limits)
    const { counts, logIsFull, report } = options
    const burst = Math.max(1, limits.callRate * BURST_SECONDS)
    const bucket = { calls: burst, at: performance.now() }
    const reported = new Set<string>(counts.reported)
    let comments = counts.comments
    // For `orchestrate status`.
    if (counts.commentsMax !== limits.comments) yield* counts.note(`comments ${limits.comments}`)
    const reached = (limit: ReportedLimit) => {
      if (reported.has(limit)) return
      reported.add(limit)
      const value = limit === "memory" ? BODIES_BYTES_MAX : (limits[limit] ?? 0)
      reports.push(
        Runtime.runFork(runtime)(Effect.zipRight(report(limit, value), counts.note(`limit ${limit}`))),
      )
    }
    const takeCall = (): boolean => {
      const now = performance.now()
      bucket.calls = Math.min(burst, bucket.calls + ((now - bucket.at) * limits.callRate) / 1000)
      bucket.at = now
      if (bucket.calls < 1) return false
      bucket.calls -= 1
      return true
    }
    return {
      limits,
      reached,
      admit: () => {
        if (logIsFull()) {
          reached("logBytes")
          return logFull
        }
        if (takeCall()) return undefined
        reached("callRate")
        return {
          limit: "callRate",
          message: `too many calls: this run may make ${limits.callRate} per second`,
          retryAfter: Math.ceil(1 / limits.callRate),
        }
      },
      takeComment: Effect.suspend(() => {
        if (comments < limits.comments) {
          comments += 1
          return counts.note("comment")
        }
        reached("comments")
        return Effect.fail(
          new CallFailure({
            kind: "limit",
            message: `this run has posted ${limits.comments} comments and may post no more: say the rest in the description or by signal_done`,
          }),
        )
      }),
      giveComment: Effect.suspend(() => {
        comments -= 1
        return counts.note("uncomment")
      }),
    }
  })

/** Reports a reached limit: a line in the log, and an event for the watcher. */
export const reportLimit = Effect.fn("reportLimit")(function* (
  log: OperationLogApi,
  queue: string,
  {
    slug,
    run,
    limit,
    value,
  }: { readonly slug: Slug; readonly run: number; readonly limit: ReportedLimit; readonly value: number },
) {
  const at = new Date(yield* Clock.currentTimeMillis).toISOString()
  const entry = { op: "limit", target: limit, outcome: "rejected" as const, reason: "limit reached" }
  yield* Effect.ignoreLogged(
    log.appendAlways({ ...entry, durationMs: 0, detail: `calls beyond ${value} are refused` }),
  )
  yield* Effect.ignoreLogged(
    QueueDir.append(queue, { version: 1, slug, at, kind: "limit-reached", limit, value, run }),
  )
})

/** The refusal when the operation log is at its limit. */
export const logFull: LimitRefusal = {
  limit: "logBytes",
  message: "the operation log of this run is at its limit (limits.logBytes): no more calls are served",
}

/** The counts of a run so far, by this sidecar or an earlier one. */
export interface RunCounts {
  /** Size of the operation log in bytes when the run began. */
  readonly logStart: number
  readonly comments: number
  /** How many it may post, as recorded; undefined before it is. */
  readonly commentsMax: number | undefined
  /** Limits that were reported. */
  readonly reported: ReadonlyArray<string>
  /** Records a count for a relaunched sidecar. */
  readonly note: (what: string) => Effect.Effect<void>
}

/** Opens the counts of a run: lines of `<run> <what>` in a file. */
export const openCounts = Effect.fn("openCounts")(function* (path: string, run: number, logSize: number) {
  const own = yield* countsOf(path, run)
  const note = (what: string) =>
    Effect.ignoreLogged(file(() => appendFile(path, `${run} ${what}\n`, { mode: 0o600 })))
  const start = own.find((line) => line.startsWith("log "))
  if (start === undefined) yield* note(`log ${logSize}`)
  return {
    logStart: start === undefined ? logSize : Number(start.slice("log ".length)),
    comments: commentsAmong(own),
    commentsMax: commentsMaxAmong(own),
    reported: own.flatMap((line) => (line.startsWith("limit ") ? [line.slice("limit ".length)] : [])),
    note,
  } satisfies RunCounts
})

/** How many comments a run has posted, and how many it may post, from its counts; none before its sidecar served. */
export const commentsOf = (path: string, run: number) =>
  Effect.map(countsOf(path, run), (own) =>
    Option.map(Option.fromNullable(commentsMaxAmong(own)), (limit) => ({ used: commentsAmong(own), limit })),
  )

const countsOf = (path: string, run: number) =>
  Effect.map(file(() => readFile(path, "utf8")).pipe(orElseOn("ENOENT", "")), (text) =>
    text.split("\n").flatMap((line) => (line.startsWith(`${run} `) ? [line.slice(`${run} `.length)] : [])),
  )

const commentsAmong = (own: ReadonlyArray<string>): number =>
  own.filter((line) => line === "comment").length - own.filter((line) => line === "uncomment").length

const commentsMaxAmong = (own: ReadonlyArray<string>): number | undefined => {
  const line = own.findLast((it) => it.startsWith("comments "))
  return line === undefined ? undefined : Number(line.slice("comments ".length))
}
