/** ensureResumed: makes sure that the bottle of an issue works on one more prompt. However often it is called, it starts once. */
import { Effect, Option } from "effect"
import { isNews } from "../../domain/AgentRequest.ts"
import type { BottleMetadata } from "../../domain/Bottle.ts"
import { instantOf } from "../../domain/Instant.ts"
import { RunNumber } from "../../domain/orchestrator/IssueKey.ts"
import type { Resume } from "../../domain/orchestrator/Operation.ts"
import { resumePrompt } from "../../domain/orchestrator/prompts.ts"
import type { StoredOperation } from "../../domain/orchestrator/StoredOperation.ts"
import { bottleState, lastRun } from "../../programs/bottleState.ts"
import { claimIssue } from "../../programs/claimIssue.ts"
import { performResume, prepareResume } from "../../programs/relaunch.ts"
import { Backends } from "../../services/Backends.ts"
import { Operations } from "../../services/Operations.ts"
import { Requests } from "../../services/Requests.ts"
import { bottleOf } from "../issue/observeBottle.ts"
import type { ServedRepository } from "../ServedRepositories.ts"
import { traceparentFor } from "../trace/traced.ts"
import { assigned } from "./assigned.ts"
import { triggerOf } from "./triggerOf.ts"
import { within } from "./within.ts"
import { textsOf } from "./texts.ts"

/**
 * Resumes, unless an earlier attempt started that run. The run's number is stored with the operation before anything is started; a
 * bottle that already has it is left alone.
 */
export const ensureResumed = Effect.fn("ensureResumed")(function* (
  operation: StoredOperation,
  input: Resume,
  served: ServedRepository,
  bottle: BottleMetadata,
) {
  const { slug } = bottle
  const backend = yield* (yield* Backends).get(bottle.spec.backend)
  const state = yield* bottleState(backend, bottle)
  const run = RunNumber.make(lastRun(state, bottle) + 1)
  const noted = yield* (yield* Operations).start(operation.id, { slug, run })
  const wanted = Option.match(
    Option.flatMap(noted, ({ started }) => Option.fromNullable(started)),
    { onNone: () => run, onSome: (started) => started.run },
  )
  if (bottle.run >= wanted && hasRun(state, bottle)) return
  const prs = Option.match(yield* bottleOf(operation), {
    onNone: () => [],
    onSome: ({ row }) => Option.toArray(row.prNumber),
  })
  const { issue, isChanged, remarks, checks, agentGitUser, targetedBy } = yield* textsOf(
    operation,
    served,
    prs,
    input,
  )
  const decisions = (yield* (yield* Requests).all(slug)).filter(isNews)
  const prompt = resumePrompt({
    cause: input.cause,
    number: operation.issueNumber,
    ...(isChanged && { issue }),
    remarks,
    decisions,
    ...(input.head !== undefined && { head: input.head, checks: checks(input.head.pr) }),
  })
  const traceparent = yield* traceparentFor(operation)
  const prepared = yield* prepareResume(
    slug,
    {
      forge: assigned(operation, served, prs),
      ...(traceparent !== undefined && { traceparent }),
      trigger: triggerOf(input.cause, [
        ...(input.cause === "targeted" ? targetedBy : []),
        ...remarks.map(({ author }) => author.login),
        ...decisions.flatMap(({ decision }) => decision?.by ?? []),
      ]),
    },
    Option.some(prompt),
  )
  const claim = yield* claimIssue(operation, prepared.bottle, { namedPr: Option.none(), agentGitUser })
  yield* performResume({ ...prepared, run: within(prepared.run, input.allowance) }).pipe(
    Effect.onError(() => Effect.ignore(claim.restore)),
  )
})

/** Whether the agent of the newest run was started: it is running, has ended, or was frozen since. */
const hasRun = (state: string, { startedAt, frozenAt }: BottleMetadata): boolean =>
  state === "running" ||
  state === "exited" ||
  (state === "frozen" &&
    Option.exists(startedAt, (started) =>
      Option.exists(frozenAt, (frozen) => instantOf(frozen) >= instantOf(started)),
    ))
