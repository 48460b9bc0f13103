/** How a row changes: by the end of an operation, by an observation, and by a decision. */
import type { Wait } from "./Decision.ts"
import { type IssueState, type Phase, withoutBottle } from "./IssueState.ts"
import type { Facts } from "./Facts.ts"
import { retryDelay } from "./LifeSettings.ts"
import type { Input, ObservedOperation } from "./Observed.ts"
import type { Operation } from "./Operation.ts"
import { conflictOf } from "./starting.ts"

/** The cause of an operation: consecutive failures are counted for the same cause. */
export const causeOf = (operation: Operation): string => {
  const used = (ids: ReadonlyArray<{ id: number; updatedAt: number }>): string =>
    ids.map(({ id, updatedAt }) => `${id}@${updatedAt}`).join(",")
  switch (operation._tag) {
    case "Launch":
      return `launch ${operation.targeting}`
    case "Resume":
      return `resume ${operation.cause} ${operation.head?.sha ?? ""} ${operation.targeting} ${used(operation.consumes)}`
    default:
      return operation._tag.toLowerCase()
  }
}

/** The row after the newest operation is taken into account, once. */
export const settle = ({ state, operation, bottle, forge, now }: Input): IssueState => {
  const news =
    operation !== undefined &&
    operation.state !== "open" &&
    operation.generation === state.generation &&
    operation.step > state.settled
  if (news) {
    const settled = { ...state, settled: operation.step }
    return operation.state === "failed" ? failed(settled, operation, now) : succeeded(settled, operation)
  }
  // It was destroyed by hand: another bottle needs a new targeting.
  const gone = state.live && bottle === undefined && operation?.state !== "open"
  return gone ? ended(state, forge.at) : state
}

const failed = (
  state: IssueState,
  { input, problem = "", endedAt }: ObservedOperation,
  now: number,
): IssueState => {
  const of = causeOf(input)
  const count = state.failures?.of === of ? state.failures.count + 1 : 1
  return { ...state, failures: { of, count, notBefore: (endedAt ?? now) + retryDelay(count), problem } }
}

const succeeded = (before: IssueState, { input }: ObservedOperation): IssueState => {
  const state: IssueState = { ...before, failures: null }
  switch (input._tag) {
    case "Launch":
      return { ...started(ended(state, null), input), live: true }
    case "Resume": {
      const next = started(state, input)
      const heads = input.head === undefined ? [] : [input.head.sha]
      return {
        ...next,
        machineResumes: input.cause === "machine" ? state.machineResumes + 1 : 0,
        providerStops: input.cause === "provider" ? state.providerStops : 0,
        failedHeads: input.cause === "checks" ? [...state.failedHeads, ...heads] : state.failedHeads,
        conflictHeads: input.cause === "conflict" ? [...state.conflictHeads, ...heads] : state.conflictHeads,
        feedback: input.cause === "remarks" || input.cause === "targeted" ? 0 : state.feedback + heads.length,
      }
    }
    case "Freeze": {
      const { cause, run, until } = input
      return {
        ...state,
        frozen: { cause, run, ...(until !== undefined && { until }) },
        providerStops: cause === "provider" ? state.providerStops + 1 : state.providerStops,
      }
    }
    case "Destroy":
      return ended(state, input.over)
    case "Stop":
      return state
  }
}

const started = (
  state: IssueState,
  { allowance, consumes, text, targeting }: Operation & { _tag: "Launch" | "Resume" },
): IssueState => ({
  ...state,
  consumed: [...state.consumed, ...consumes],
  given: text.digest,
  allowance,
  targeting,
  frozen: null,
})

/** After a bottle is gone, only its usage and the targeting that launched it are kept. */
const ended = (state: IssueState, over: number | null): IssueState => ({
  ...state,
  ...withoutBottle,
  over,
})

/** The row updated with the observation: the first text, an absent issue, the start of a conflict. */
export const noticed = ({ state, forge, untargeted, runPrs, now }: Facts): IssueState => {
  const pr = conflictOf(runPrs)
  const same = pr !== undefined && state.conflict?.head === pr.head
  return {
    ...state,
    digest: untargeted === undefined ? (state.digest ?? forge.digest) : state.live ? state.digest : null,
    away: state.away || (state.over !== null && untargeted?.kind === "no"),
    conflict:
      pr === undefined
        ? null
        : { head: pr.head, base: pr.base, since: same ? (state.conflict?.since ?? now) : now },
  }
}

/** The row to store with a decision. */
export const committed = ({ state, bottle }: Facts, verdict: Operation | Wait): IssueState => {
  const next: IssueState = {
    ...state,
    version: state.version + 1,
    reason: verdict.reason,
    nextAt: null,
    phase: phaseOf(state, bottle?.state),
  }
  if (verdict._tag === "Wait") return { ...next, nextAt: verdict.until ?? null }
  return verdict._tag === "Launch"
    ? { ...next, generation: state.generation + 1, step: 1, settled: 0 }
    : { ...next, step: state.step + 1 }
}

const phaseOf = (state: IssueState, bottle: string | undefined): Phase =>
  bottle === "running" || bottle === "exited"
    ? "running"
    : bottle === "frozen" || bottle === "lost"
      ? "frozen"
      : state.over === null
        ? "idle"
        : "destroyed"
