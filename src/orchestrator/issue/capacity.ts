/** capacityFor: the room for one more run on this machine, in its repository, in its budgets, and at its model's provider. */
import { Clock, Effect, Option } from "effect"
import type { BottleMetadata } from "../../domain/Bottle.ts"
import { isAbout } from "../../domain/ForgeState.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import type { Bound, Capacity } from "../../domain/orchestrator/Observed.ts"
import type { Launch, Resume } from "../../domain/orchestrator/Operation.ts"
import type { HostName } from "../../domain/orchestrator/StoredOperation.ts"
import { BottleStore } from "../../services/BottleStore.ts"
import { ForgeStateStore } from "../../services/ForgeStateStore.ts"
import { ServedRepositories, type ServedRepository } from "../ServedRepositories.ts"
import { runsAtWork } from "../../programs/runsAtWork.ts"
import { budgetBounds } from "./budgets.ts"
import { isPriced, modelRest } from "./modelLimits.ts"

/** The capacity for a decision that starts nothing. */
export const unlimited: Capacity = { bounds: [], costKnown: true, turn: true }

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
  const bottles = yield* (yield* BottleStore).all
  const atWork = yield* runsAtWork(host)
  const others = atWork.filter((run) => !isAbout(run.of, issue))
  const here = others.filter(({ of }) => isAbout({ ...of, issueNumber: issue.issueNumber }, issue))
  const owned = others.filter(({ of }) =>
    isAbout({ ...of, repo: issue.repo, issueNumber: issue.issueNumber }, issue),
  )
  const { running: most, perOrganisation } = yield* ServedRepositories
  const bound = (of: string, used: number, limit: number | undefined): ReadonlyArray<Bound> =>
    limit === undefined ? [] : [{ of, what: "running", used, limit }]
  const run = start._tag === "Launch" ? start : yield* specOf(issue, bottles)
  const left = yield* budgetBounds(issue, served, atWork, now)
  const routeUntil = run === undefined ? undefined : yield* modelRest(run, bottles, now)
  const capacity: Capacity = {
    bounds: [
      ...bound("this machine", others.length, most),
      ...bound(issue.owner, owned.length, perOrganisation),
      ...bound(`${issue.owner}/${issue.repo}`, here.length, served.running),
      ...left.bounds,
    ],
    costKnown: left.costKnown && (run === undefined || (yield* isPriced(run))),
    ...(routeUntil !== undefined && { routeUntil }),
    turn: true,
  }
  return capacity
})

/** What the resting bottle of an issue runs. */
const specOf = Effect.fnUntraced(function* (issue: IssueKey, bottles: ReadonlyArray<BottleMetadata>) {
  const row = yield* (yield* ForgeStateStore).get(issue)
  return Option.getOrUndefined(
    Option.flatMapNullable(row, ({ slug }) => bottles.find((bottle) => bottle.slug === slug)?.spec),
  )
})
