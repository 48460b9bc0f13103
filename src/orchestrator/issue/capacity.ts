/** capacityFor: the room for one more run on this machine, in its repository, in its budgets, and at its model's provider. */
import { Clock, Effect, Option } from "effect"
import type { BottleMetadata } from "../../domain/Bottle.ts"
import { type ForgeState, isAbout } from "../../domain/ForgeState.ts"
import { instantOf } from "../../domain/Instant.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import type { Bound, Capacity } from "../../domain/orchestrator/Observed.ts"
import type { Launch, Resume } from "../../domain/orchestrator/Operation.ts"
import type { HostName, StoredOperation } from "../../domain/orchestrator/StoredOperation.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { ForgeStateStore } from "../../services/ForgeStateStore.ts"
import { Operations } from "../../services/Operations.ts"
import { ServedRepositories, type ServedRepository } from "../ServedRepositories.ts"
import { budgetBounds, type RunUnderWay } from "./budgets.ts"
import { modelRest } from "./modelLimits.ts"

/** The capacity for a decision that starts nothing. */
export const unlimited: Capacity = { bounds: [], costKnown: true, turn: true }

/** How many open operations are counted at most: more than a machine has bottles. */
const OPEN = 1_000

/** A start to find room for. */
export interface WantedStart {
  readonly issue: IssueKey
  readonly served: ServedRepository
  readonly host: HostName
  readonly start: Launch | Resume
}

/** Counts the other issues' bottles that are running or being started. The caller must not run two decisions to start at the same time. */
export const capacityFor = Effect.fn("capacityFor")(function* ({ issue, served, host, start }: WantedStart) {
  const now = yield* Clock.currentTimeMillis
  const running = yield* (yield* ForgeStateStore).running
  const bottles = yield* (yield* BottleStore).all
  const starts = (yield* (yield* Operations).open(host, { limit: OPEN })).filter(
    ({ input }) => input._tag === "Launch" || input._tag === "Resume",
  )
  const underWay = runsUnderWay(running, starts, bottles, now)
  const others = underWay.filter((run) => !isAbout(run.of, issue))
  const here = others.filter(({ of }) => isAbout({ ...of, issueNumber: issue.issueNumber }, issue))
  const owned = others.filter(({ of }) =>
    isAbout({ ...of, repo: issue.repo, issueNumber: issue.issueNumber }, issue),
  )
  const { running: most, perOrganisation } = yield* ServedRepositories
  const bound = (of: string, used: number, limit: number | undefined): ReadonlyArray<Bound> =>
    limit === undefined ? [] : [{ of, what: "running", used, limit }]
  const run = start._tag === "Launch" ? start : yield* specOf(issue, bottles)
  const routeUntil = run === undefined ? undefined : yield* modelRest(run, bottles, now)
  const capacity: Capacity = {
    bounds: [
      ...bound("this machine", others.length, most),
      ...bound(issue.owner, owned.length, perOrganisation),
      ...bound(`${issue.owner}/${issue.repo}`, here.length, served.running),
      ...(yield* budgetBounds(issue, served, underWay, now)),
    ],
    // Provider responses are not counted, and prices are not known.
    costKnown: false,
    ...(routeUntil !== undefined && { routeUntil }),
    turn: true,
  }
  return capacity
})

/** Bottles that are running by their row, and those that are being started. */
const runsUnderWay = (
  running: ReadonlyArray<ForgeState>,
  starts: ReadonlyArray<StoredOperation>,
  bottles: ReadonlyArray<BottleMetadata>,
  now: number,
): ReadonlyArray<RunUnderWay> => {
  const bySlug = new Map<string, BottleMetadata>(bottles.map((bottle) => [bottle.slug, bottle]))
  return [
    ...running.map((row) => ({ of: row, seconds: secondsOf(bySlug.get(row.slug), now) })),
    ...starts
      .filter((start) => !running.some((row) => isAbout(row, start)))
      .map((start) => ({ of: start, seconds: 0 })),
  ]
}

const secondsOf = (bottle: BottleMetadata | undefined, now: number): number =>
  bottle === undefined
    ? 0
    : Option.match(bottle.startedAt, {
        onNone: () => 0,
        onSome: (started) => {
          const end = Option.match(bottle.exit, { onNone: () => now, onSome: ({ at }) => instantOf(at) })
          return Math.max(0, Math.round((end - instantOf(started)) / 1000))
        },
      })

/** What the resting bottle of an issue runs. */
const specOf = Effect.fnUntraced(function* (issue: IssueKey, bottles: ReadonlyArray<BottleMetadata>) {
  const row = yield* (yield* ForgeStateStore).get(issue)
  return Option.getOrUndefined(
    Option.flatMapNullable(row, ({ slug }) => bottles.find((bottle) => bottle.slug === slug)?.spec),
  )
})
