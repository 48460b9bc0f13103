/** commitDecision: decides about an observation and stores the whole decision over the observed state. */
import { Clock, Effect } from "effect"
import { decide } from "../../domain/orchestrator/decide.ts"
import type { HintId } from "../../domain/orchestrator/InboxHint.ts"
import type { IssueKey } from "../../domain/orchestrator/IssueKey.ts"
import { messagesOf } from "../../domain/orchestrator/Outbox.ts"
import type { HostName } from "../../domain/orchestrator/StoredOperation.ts"
import { IssueStates } from "../../services/IssueStates.ts"
import { ServedRepositories, type ServedRepository } from "../ServedRepositories.ts"
import { capacityFor, unlimited } from "./capacity.ts"
import type { Observation } from "./observe.ts"

/** What is stored with a decision. */
export interface CommitContext {
  readonly issue: IssueKey
  readonly served: ServedRepository
  readonly host: HostName
  /** The hints that were read before the observation. */
  readonly handled: ReadonlyArray<HintId>
  /** Runs decisions to start one after the other, so that two of them cannot take the same room. */
  readonly starting: Effect.Semaphore
}

/** Stores the decision, its operation, and that its hints are handled. Room is only counted when something wants to start. */
export const commitDecision = Effect.fn("commitDecision")(function* (
  observation: Observation,
  context: CommitContext,
) {
  const decision = decide({ ...observation, capacity: unlimited })
  const start = decision.verdict
  if (start._tag !== "Launch" && start._tag !== "Resume") return yield* store(decision, context, observation)
  return yield* capacityFor({ ...context, start }).pipe(
    Effect.flatMap((capacity) => store(decide({ ...observation, capacity }), context, observation)),
    context.starting.withPermits(1),
  )
})

const store = Effect.fnUntraced(function* (
  decision: ReturnType<typeof decide>,
  { issue, host, handled }: CommitContext,
  { bottle, forge }: Observation,
) {
  const at = yield* Clock.currentTimeMillis
  const { tells } = yield* ServedRepositories
  const messages = tells === undefined ? [] : messagesOf(tells, issue, decision, { bottle, at })
  const title = forge.issue?.title
  return yield* (yield* IssueStates).commit({
    issue,
    decision,
    host,
    handled,
    at,
    messages,
    ...(title !== undefined && { title }),
  })
})
