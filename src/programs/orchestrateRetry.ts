/** orchestrateRetry: looks again at an issue that was given up, was set aside, or waits after failures. */
import { Clock, Effect, Option } from "effect"
import { InvalidInput, IssueUnknown } from "../domain/Errors.ts"
import { issueName } from "../domain/ForgeState.ts"
import { HintId, InboxHint } from "../domain/orchestrator/InboxHint.ts"
import { type IssueKey, issueId } from "../domain/orchestrator/IssueKey.ts"
import { retried } from "../domain/orchestrator/IssueState.ts"
import type { IssueStatus } from "../domain/orchestrator/IssueStatus.ts"
import { Inbox } from "../services/Inbox.ts"
import { IssueStates } from "../services/IssueStates.ts"
import { ServiceState } from "../services/ServiceState.ts"
import { serviceStatus } from "./serviceStatus.ts"

/** Result of a retry. */
export interface Retried {
  /** The issue as it was before. */
  readonly issue: IssueStatus
  /** Whether a service looks at it now. Otherwise the next service does so when it starts. */
  readonly isServing: boolean
  readonly isPaused: boolean
}

/**
 * Clears the failures of an issue and why it was set aside, and has it looked at. `name` is `OWNER/REPO#N`, or `#N` if that is unique.
 * Fails with `InvalidInput` when the name is malformed or ambiguous, and with `IssueUnknown`.
 */
export const orchestrateRetry = Effect.fn("orchestrateRetry")(function* (name: string) {
  const { service, pausedAt, issues } = yield* serviceStatus({ all: true })
  const issue = yield* theOne(name, issues)
  const { forge, owner, repo, issueNumber } = issue
  const key = { forge, owner, repo, issueNumber }
  yield* retryIssue(key)
  return {
    issue,
    isServing: Option.exists(service, ({ isServing }) => isServing),
    isPaused: Option.isSome(pausedAt),
  } satisfies Retried
})

/** The same for an issue that is known. */
export const retryIssue = Effect.fn("retryIssue")(function* (key: IssueKey) {
  yield* (yield* IssueStates).revise(key, retried)
  const inbox = yield* Inbox
  yield* inbox.reopen(key)
  const now = yield* Clock.currentTimeMillis
  yield* inbox.accept(operatorHint(key, now))
  yield* (yield* ServiceState).ask(key)
})

const theOne = Effect.fnUntraced(function* (name: string, issues: ReadonlyArray<IssueStatus>) {
  const [, repository, number] = /^(?:([^/#\s]+\/[^/#\s]+)?#)?([1-9]\d{0,15})$/.exec(name) ?? []
  if (number === undefined)
    return yield* new InvalidInput({ field: "issue", reason: "give OWNER/REPO#NUMBER, or #NUMBER" })
  const found = issues.filter(
    ({ owner, repo, issueNumber }) =>
      issueNumber === Number(number) &&
      (repository === undefined || `${owner}/${repo}`.toLowerCase() === repository.toLowerCase()),
  )
  const [first, ...more] = found
  if (first === undefined)
    return yield* new IssueUnknown({
      issue: name,
      hint: '"bot-bottle orchestrate status --all" lists those that it looked at',
    })
  if (more.length > 0)
    return yield* new InvalidInput({
      field: "issue",
      reason: `${name} is ambiguous: ${found.map((issue) => `${issueName(issue)} at ${issue.forge}`).join(", or ")}; give OWNER/REPO#NUMBER`,
    })
  return first
})

const operatorHint = (issue: IssueKey, now: number): InboxHint =>
  new InboxHint({
    id: HintId.make(`operator:${issueId(issue)}@${now}`),
    ...issue,
    kind: "operator",
    receivedAt: now,
    detail: { action: "retry" },
  })
