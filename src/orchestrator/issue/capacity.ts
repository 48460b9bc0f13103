/** capacityFor: the room for one more running bottle, on this machine and in its repository. */
import { Effect, Option } from "effect"
import { isAbout } from "../../domain/ForgeState.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import type { Capacity } from "../../domain/orchestrator/Observed.ts"
import type { HostName } from "../../domain/orchestrator/StoredOperation.ts"
import { ForgeStateStore } from "../../services/ForgeStateStore.ts"
import { Operations } from "../../services/Operations.ts"
import { ServedRepositories, type ServedRepository } from "../ServedRepositories.ts"

/** Of a decision that starts nothing. */
export const unlimited: Capacity = { bounds: [], costKnown: true, turn: true }

/** How many open operations are counted at most: more than a machine has bottles. */
const OPEN = 1_000

/** Counts the bottles of other issues that run or are being started. The caller lets no two decisions to start overlap. */
export const capacityFor = Effect.fn("capacityFor")(function* (
  issue: IssueKey,
  served: ServedRepository,
  host: HostName,
) {
  const rows = (yield* (yield* ForgeStateStore).all).filter((row) => row.status === "running")
  const starts = (yield* (yield* Operations).open(host, { limit: OPEN })).filter(
    ({ input }) => input._tag === "Launch" || input._tag === "Resume",
  )
  const others = [...rows, ...starts.filter((start) => !rows.some((row) => isAbout(row, start)))].filter(
    (it) => !isAbout(it, issue),
  )
  const here = others.filter((it) => isAbout({ ...it, issueNumber: issue.issueNumber }, issue))
  const machine = { of: "this machine", what: "running" as const, used: others.length }
  const repository = { of: `${issue.owner}/${issue.repo}`, what: "running" as const, used: here.length }
  const { running } = yield* ServedRepositories
  const capacity: Capacity = {
    bounds: [
      { ...machine, limit: running },
      ...Option.match(Option.fromNullable(served.running), {
        onNone: () => [],
        onSome: (limit) => [{ ...repository, limit }],
      }),
    ],
    costKnown: true,
    turn: true,
  }
  return capacity
})
