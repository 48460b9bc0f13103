/** `orchestrate status`: which bottle handles which issue, what each issue waits for, and whether a service is running. */
import { Command, Options } from "@effect/cli"
import { Clock, Effect, Option, Schema, Struct } from "effect"
import { ForgeStatus } from "../domain/ForgeStatus.ts"
import { isAbout, issueName } from "../domain/ForgeState.ts"
import { issueId } from "../domain/orchestrator/IssueKey.ts"
import type { IssueStatus } from "../domain/orchestrator/IssueStatus.ts"
import type { LimitRow } from "../domain/orchestrator/LimitStatus.ts"
import type { LimitStatus } from "../programs/limitStatus.ts"
import type { UnsentNotice } from "../programs/unsentNotices.ts"
import type { ServiceStatus } from "../programs/serviceStatus.ts"
import { reportFailures } from "./failure.ts"
import { doneText, moneyCell, stateText, tokensText } from "./list.ts"
import { ago, type Line, note, printJson, printLine, redraw, table } from "./output.ts"
import { limitLines, serviceLines, unsentLines, untilText } from "./serviceLines.ts"
import { json } from "./shared.ts"

const all = Options.boolean("all").pipe(
  Options.withDescription("Also show destroyed bottles, and issues meant for no agent"),
)
const service = Options.boolean("service").pipe(
  Options.withDescription("With --json: an object that has the service beside the issues"),
)
const watch = Options.boolean("watch").pipe(
  Options.withDescription("Go on until interrupted, showing changes"),
)

/** A bottle's row, the status of its issue's life, or both. */
interface Row {
  readonly bottle: ForgeStatus | undefined
  readonly life: IssueStatus | undefined
}

interface Shown {
  readonly rows: ReadonlyArray<Row>
  readonly service: ServiceStatus
  readonly limits: LimitStatus
  readonly unsent: ReadonlyArray<UnsentNotice>
  readonly now: number
}

/** `orchestrate status` */
export const status = Command.make("status", { all, json, service, watch }, (options) =>
  Effect.gen(function* () {
    const { limitStatus, live, orchestrateStatus, serviceStatus, unsentNotices } = yield* Effect.promise(
      () => import("./lazy/status.ts"),
    )
    const read = Effect.gen(function* () {
      const bottles = yield* orchestrateStatus({ all: options.all })
      const service = yield* serviceStatus({ all: options.all })
      return {
        rows: joined(bottles, service.issues),
        service,
        limits: yield* limitStatus(),
        unsent: yield* unsentNotices,
        now: yield* Clock.currentTimeMillis,
      }
    })
    const show = (shown: Shown) => (options.json ? showJson(shown, options.service) : showText(shown))
    yield* Effect.provide(
      options.watch
        ? Effect.flatMap(watching(options), (next) => Effect.forever(Effect.flatMap(read, next)))
        : Effect.flatMap(read, show),
      live,
    )
  }).pipe(reportFailures(options.json)),
).pipe(Command.withDescription("Show which bottle handles which issue, and what each issue waits for"))

/** Issues with bottles first, in the order of their rows; then those without. */
const joined = (
  bottles: ReadonlyArray<ForgeStatus>,
  lives: ReadonlyArray<IssueStatus>,
): ReadonlyArray<Row> => {
  const lifeOf = (bottle: ForgeStatus) => lives.find((life) => isAbout(bottle, life))
  const alone = lives.filter((life) => !bottles.some((bottle) => isAbout(bottle, life)))
  return [
    ...bottles.map((bottle) => ({ bottle, life: lifeOf(bottle) })),
    ...alone.map((life) => ({ bottle: undefined, life })),
  ]
}

const showText = Effect.fnUntraced(function* ({ rows, service, limits, unsent, now }: Shown) {
  for (const { bottle } of rows) {
    if (bottle === undefined || bottle.forge !== "" || bottle.status === "destroyed") continue
    yield* note(
      `${bottle.slug}: its forge is not known, so ${bottle.issueUrl} counts as handled on every forge: "bot-bottle orchestrate assign ${bottle.slug} --forge URL" says which it is`,
    )
  }
  for (const line of [
    ...serviceLines(service, now),
    ...limitLines(limits.service, now),
    ...unsentLines(unsent, now),
  ])
    yield* note(line)
  if (rows.length === 0) return yield* note("no issue is being handled")
  yield* printLine(tableOf(rows, now))
})

const tableOf = (rows: ReadonlyArray<Row>, now: number): ReadonlyArray<Line> => {
  // For runs started by hand the last column is empty.
  const isCarried = rows.some(({ life }) => life !== undefined)
  const head = ["ISSUE", "PR", "SLUG", "AGENT", "STATE", "DONE", "TOKENS", "COST", "LAST CHECK-IN"]
  return table(
    isCarried ? [...head, "WAITS FOR"] : head,
    rows.map(({ bottle, life }) => {
      const cells =
        bottle === undefined
          ? [life === undefined ? "" : issueName(life), "-", "-", "-", "-", "-", "-", "-", "-"]
          : [
              bottle.issueUrl,
              Option.getOrElse(bottle.prUrl, () => "-"),
              bottle.slug,
              bottle.agent,
              stateText(bottle),
              doneText(bottle),
              tokensText(bottle.use),
              moneyCell(bottle.use),
              ago(bottle.lastCheckinAt, now),
            ]
      return isCarried ? [...cells, life === undefined ? "-" : waitText(life, now)] : cells
    }),
  )
}

/** Without `now` it contains no time. */
const waitText = ({ setAside, reason, until }: IssueStatus, now?: number): string =>
  setAside === null
    ? `${reason}${until === null || now === undefined ? "" : ` (${untilText(until, now)})`}`
    : `set aside: ${setAside}`

const encode = Schema.encodeSync(ForgeStatus)

/** In a row without a bottle, the bottle's fields are null. */
const jsonRow = ({ bottle, life }: Row, { issues }: LimitStatus): unknown => ({
  ...(bottle === undefined
    ? {
        ...(life !== undefined && {
          forge: life.forge,
          owner: life.owner,
          repo: life.repo,
          issueNumber: life.issueNumber,
        }),
        slug: null,
        status: null,
        state: null,
      }
    : encode(bottle)),
  life:
    life === undefined
      ? null
      : { ...lifeJson(life), limits: (issues.get(issueId(life)) ?? []).map(limitJson) },
})

const lifeJson = ({ phase, waits, reason, until, decidedAt, failures, setAside }: IssueStatus) => ({
  phase,
  waits,
  reason,
  until: isoOf(until),
  decidedAt: isoOf(decidedAt),
  failures: failures === null ? null : { ...failures, notBefore: isoOf(failures.notBefore) },
  setAside,
})

const isoOf = (at: number | null | undefined): string | null =>
  at == null ? null : new Date(at).toISOString()

const limitJson = ({ until, ...rest }: LimitRow): unknown => ({ ...rest, until: isoOf(until) })

const unsentJson = ({ id, tries, nextAt, notice: { event, issue } }: UnsentNotice): unknown => ({
  id,
  event,
  issue: { forge: issue.forge, owner: issue.owner, repo: issue.repo, number: issue.issueNumber },
  tries,
  nextAt: isoOf(nextAt),
})

const showJson = ({ rows, service, limits, unsent }: Shown, whole: boolean): Effect.Effect<void> => {
  const issues = rows.map((row) => jsonRow(row, limits))
  if (!whole) return printJson(issues)
  return printJson({
    service: serviceJson(service),
    pausedAt: pausedJson(service),
    limits: limits.service.map(limitJson),
    unsent: unsent.map(unsentJson),
    issues,
  })
}

const pausedJson = ({ pausedAt }: ServiceStatus): string | null => isoOf(Option.getOrNull(pausedAt))

const serviceJson = ({ service }: ServiceStatus): unknown =>
  Option.getOrNull(
    Option.map(
      service,
      // The limits have their own place, with what is left of each.
      ({ sweep, startedAt, stoppedAt, webhookAt, signedAt, missignedAt, secret, ...rest }) => ({
        ...Struct.omit(rest, "limits"),
        startedAt: isoOf(startedAt),
        stoppedAt: isoOf(stoppedAt),
        webhookAt: isoOf(webhookAt),
        signedAt: isoOf(signedAt),
        missignedAt: isoOf(missignedAt),
        secretProblem: secret ?? null,
        sweep: {
          failures: sweep.failures,
          problem: sweep.problem ?? null,
          sweptAt: isoOf(sweep.sweptAt),
          nextAt: isoOf(sweep.nextAt),
        },
      }),
    ),
  )

/** On a terminal everything is drawn again. Elsewhere each change is a line. */
const watching = (options: { readonly json: boolean; readonly service: boolean }) =>
  Effect.sync(() => {
    let before: ReadonlySet<string> = new Set()
    return Effect.fnUntraced(function* (shown: Shown) {
      if (process.stdout.isTTY && !options.json) {
        yield* redraw([...serviceLines(shown.service, shown.now), "", ...tableOf(shown.rows, shown.now)])
      } else if (options.json) {
        const rows = shown.rows.map((row) => jsonRow(row, shown.limits))
        const text = JSON.stringify([rows, serviceJson(shown.service), shown.limits.service, shown.unsent])
        if (!before.has(text)) yield* showJson(shown, options.service)
        before = new Set([text])
      } else {
        const lines = changeLines(shown)
        for (const line of lines) if (!before.has(line)) yield* printLine(line)
        before = new Set(lines)
      }
      yield* Effect.sleep("1 second")
    })
  })

/** A line for the service and for each issue, without values that change by themselves. */
const changeLines = ({ rows, service }: Shown): ReadonlyArray<string> => [
  ...serviceLines(service, undefined),
  ...rows.map(({ bottle, life }) =>
    [
      bottle?.issueUrl ?? (life === undefined ? "" : issueName(life)),
      ...(bottle === undefined ? [] : [bottle.slug, stateText(bottle), doneText(bottle)]),
      ...(life === undefined ? [] : [waitText(life)]),
    ].join("  "),
  ),
]
