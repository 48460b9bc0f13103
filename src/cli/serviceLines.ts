/** Describes the service: whether one is running and, if launches are held back, why. */
import { Option } from "effect"
import { issueName } from "../domain/ForgeState.ts"
import type { LimitRow } from "../domain/orchestrator/LimitStatus.ts"
import type { UnsentNotice } from "../programs/unsentNotices.ts"
import type { ReportedHealth } from "../domain/orchestrator/ServiceHealth.ts"
import type { ServiceStatus } from "../programs/serviceStatus.ts"
import { ago } from "./output.ts"

/** One line for each fact; none if there never was a service and nothing is paused. Without `now` they contain no times. */
export const serviceLines = ({ service, pausedAt }: ServiceStatus, now?: number): ReadonlyArray<string> => [
  ...Option.match(service, {
    onNone: () => [],
    onSome: (it) => (it.isServing ? working(it, now) : gone(it, now)),
  }),
  ...Option.match(pausedAt, {
    onNone: () => [],
    onSome: (at) => [`paused${timed(at, now)}: nothing starts before "bot-bottle orchestrate continue"`],
  }),
]

/** One line with what is used of each limit; none without limits. */
export const limitLines = (limits: ReadonlyArray<LimitRow>, now: number): ReadonlyArray<string> =>
  limits.length === 0 ? [] : [`limits: ${limits.map((row) => limitText(row, now)).join("; ")}`]

const limitText = ({ of, name, what, used, limit, until }: LimitRow, now: number): string => {
  const reset = until === null ? "" : ` (new ${untilText(until, now)})`
  const amount =
    what === "seconds"
      ? `${Math.round(used / 60)} of ${Math.round(limit / 60)} minutes`
      : `${used} of ${limit} ${what}`
  return `${of === "machine" || of === "day" ? `the ${of}` : name} ${amount}${reset}`
}

/** What is not sent yet. */
export const unsentLines = (unsent: ReadonlyArray<UnsentNotice>, now: number): ReadonlyArray<string> => {
  const [first] = unsent
  if (first === undefined) return []
  const { event, issue } = first.notice
  const tried = first.tries === 0 ? "not tried yet" : `tried ${first.tries} times`
  return [
    `notices that are not sent yet: ${unsent.length}; the oldest is ${event} of ${issueName(issue)}, ${tried}, next ${untilText(first.nextAt, now)}`,
  ]
}

/** How long until a time, in one unit. */
export const untilText = (until: number, now: number): string =>
  until <= now ? "now" : `in ${ago(new Date(now - (until - now)).toISOString(), now).replace(/ ago$/, "")}`

const working = (it: ReportedHealth, now: number | undefined): ReadonlyArray<string> => [
  `process ${it.pid} on ${it.host} serves ${it.forge}${timed(it.startedAt, now, "began ")}`,
  it.listening === null
    ? "it accepts no webhooks: webhook.secret is not configured"
    : `webhooks: http://${it.listening}/webhook${it.webhookAt === undefined ? ", none yet" : timed(it.webhookAt, now, "last ")}`,
  ...sweep(it, now),
  ...silence(it, now),
  ...(it.secret === undefined ? [] : [`warning: ${it.secret}`]),
]

const sweep = ({ sweep }: ReportedHealth, now: number | undefined): ReadonlyArray<string> => {
  const next = sweep.nextAt === undefined || now === undefined ? "" : `; next ${untilText(sweep.nextAt, now)}`
  if (sweep.problem !== undefined)
    return [`warning: sweeps of the forge fail (${sweep.failures} times): ${sweep.problem}${next}`]
  return sweep.sweptAt === undefined ? [] : [`swept${timed(sweep.sweptAt, now)}${next}`]
}

/** A running service reports each sweep within seconds. */
const silence = ({ sweep: { nextAt } }: ReportedHealth, now = 0): ReadonlyArray<string> =>
  nextAt === undefined || now - nextAt < SILENT
    ? []
    : [
        `warning: it has reported nothing since its sweep was due${timed(nextAt, now)}: its log says why; the disk may be full, or another process may lock the database`,
      ]

const SILENT = 60_000

const gone = (
  { stoppedAt, startedAt, pid }: ReportedHealth,
  now: number | undefined,
): ReadonlyArray<string> => [
  `no service runs, so nothing starts: process ${pid} ${
    stoppedAt === undefined ? `died${timed(startedAt, now, "began ")}` : `ended${timed(stoppedAt, now)}`
  }`,
]

const timed = (at: number, now: number | undefined, what = ""): string =>
  now === undefined
    ? ""
    : what === ""
      ? ` ${ago(new Date(at).toISOString(), now)}`
      : ` (${what}${ago(new Date(at).toISOString(), now)})`
