/** telling: wraps stores so that decisions about issues, and their results, are reported. */
import { type Context, Effect } from "effect"
import type { Wait } from "../domain/orchestrator/Decision.ts"
import { type IssueKey, issueId } from "../domain/orchestrator/IssueKey.ts"
import { ServiceEvent } from "../domain/orchestrator/ServiceEvent.ts"
import type { CommitResult, IssueCommit } from "../domain/orchestrator/StoredIssue.ts"
import type { StoredOperation } from "../domain/orchestrator/StoredOperation.ts"
import { IssueStates } from "../services/IssueStates.ts"
import { Operations } from "../services/Operations.ts"

/** Receives an event. Cannot fail. */
export type Observe = (event: ServiceEvent) => Effect.Effect<void>

/** IssueStates that report each stored decision; a wait only when it differs from the one before. */
export const tellingStates = (
  states: Context.Tag.Service<IssueStates>,
  observe: Observe,
): Context.Tag.Service<IssueStates> => {
  const waits = new Map<string, string>()
  const tell = ({ issue, decision: { verdict } }: IssueCommit, result: CommitResult) => {
    if (result._tag !== "Committed") return Effect.void
    const key = keyOf(issue)
    const id = issueId(key)
    if (verdict._tag !== "Wait") {
      waits.set(id, "")
      return observe(ServiceEvent.Began({ issue: key, operation: verdict._tag, reason: verdict.reason }))
    }
    const text = `${verdict.kind} ${verdict.reason}`
    if (waits.get(id) === text || verdict.kind === "operation") return Effect.void
    if (!waits.has(id) && isNothing(verdict)) return Effect.void
    waits.set(id, text)
    return observe(waitEvent(key, verdict))
  }
  return IssueStates.of({
    ...states,
    commit: (commit) => Effect.tap(states.commit(commit), (result) => tell(commit, result)),
  })
}

/** Operations that report their results. */
export const tellingOperations = (
  operations: Context.Tag.Service<Operations>,
  observe: Observe,
): Context.Tag.Service<Operations> =>
  Operations.of({
    ...operations,
    finish: (id, end) =>
      Effect.tap(operations.finish(id, end), (row) =>
        Effect.transposeMapOption(row, (operation) => observe(endEvent(operation))),
      ),
  })

/** Most issues of a forge are not meant for an agent, so decisions about them are not reported. */
const isNothing = ({ kind }: Wait): boolean => kind === "not-targeted" || kind === "over"

const waitEvent = (issue: IssueKey, { kind, reason, until }: Wait): ServiceEvent =>
  ServiceEvent.Waits({ issue, kind, reason, ...(until !== undefined && { until }) })

const endEvent = ({ input, problem, started, ...issue }: StoredOperation): ServiceEvent =>
  ServiceEvent.Ended({
    issue: keyOf(issue),
    operation: input._tag,
    ...(started !== null && { slug: started.slug, run: started.run }),
    ...(problem !== null && { problem }),
  })

const keyOf = ({ forge, owner, repo, issueNumber }: IssueKey): IssueKey => ({
  forge,
  owner,
  repo,
  issueNumber,
})
