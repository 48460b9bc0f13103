/** decideRequest: a person approves, denies or answers what an agent asked for. The first decision counts. */
import { Clock, Effect, Option, Schema } from "effect"
import {
  ANSWER_MAX,
  type BottleRequest,
  type RequestDecision,
  RequestId,
  requestText,
} from "../domain/AgentRequest.ts"
import { InvalidInput, RequestDecided, RequestNotFound } from "../domain/Errors.ts"
import { HintId, InboxHint } from "../domain/orchestrator/InboxHint.ts"
import { IssueNumber } from "../domain/orchestrator/IssueKey.ts"
import { BottleEvents } from "../services/BottleEvents.ts"
import { ForgeStateStore } from "../services/ForgeStateStore.ts"
import { Inbox } from "../services/Inbox.ts"
import { Requests } from "../services/Requests.ts"
import { ServiceState } from "../services/ServiceState.ts"
import { Sidecar } from "../services/Sidecar.ts"

/** What a person decides, and who that is. */
export type GivenDecision = { readonly by: string } & (
  | {
      readonly verdict: "approved"
      /** `once`: one connection. `run`: until the run ends, unless given. */
      readonly scope?: "once" | "run"
    }
  | { readonly verdict: "denied"; readonly reason: string }
  | { readonly verdict: "answered"; readonly answer: string }
)

/** A decision that was stored. */
export interface DecidedRequest {
  readonly request: BottleRequest
  /** Whether the bottle's neck is served now. Otherwise the decision counts in its next run. */
  readonly isRunning: boolean
  /** Whether a service is running that resumes a bottle which waits for the decision. */
  readonly isServed: boolean
}

/**
 * Decides about a request. Fails with `RequestNotFound`, with `RequestDecided` when somebody has decided before, and with `InvalidInput`
 * when the decision does not fit the request. An approval opens in one run only: the first whose agent reads or uses it.
 */
export const decideRequest = Effect.fn("decideRequest")(function* (id: string, given: GivenDecision) {
  const request = yield* requestOf(id)
  const { slug } = request
  yield* checkVerdict(request, given)
  const now = yield* Clock.currentTimeMillis
  const decision = decisionOf(request, given, new Date(now).toISOString())
  const isFirst = yield* (yield* Requests).decide(slug, decision)
  // Again if it was decided before: the process that did so may have died before it could tell.
  const isServed = yield* tellService(request, now)
  if (!isFirst) {
    const stored = (yield* requestOf(id)).decision
    return yield* new RequestDecided({
      id: request.id,
      slug,
      verdict: stored?.verdict ?? "denied",
      by: stored?.by ?? "",
    })
  }
  const { verdict, by, at } = decision
  yield* (yield* BottleEvents).append({
    version: 1,
    kind: "request-decided",
    slug,
    at,
    id: request.id,
    verdict,
    by,
  })
  const isRunning = Option.isSome(yield* (yield* Sidecar).find(slug))
  return { request: { ...request, decision }, isRunning, isServed } satisfies DecidedRequest
})

const requestOf = Effect.fnUntraced(function* (id: string) {
  if (!Schema.is(RequestId)(id))
    return yield* new InvalidInput({
      field: "id",
      reason: 'an ID of a request has six characters of a-z and 2-7; "bot-bottle requests" lists them',
    })
  const [found, another] = (yield* (yield* Requests).all()).filter((request) => request.id === id)
  if (found === undefined) return yield* new RequestNotFound({ id })
  if (another !== undefined)
    return yield* new InvalidInput({
      field: "id",
      reason: `bottles "${found.slug}" and "${another.slug}" both have a request ${id}: destroy one of them first`,
    })
  return found
})

const checkVerdict = Effect.fnUntraced(function* ({ id, detail }: BottleRequest, given: GivenDecision) {
  const isQuestion = detail.kind === "question"
  if (given.verdict === "approved" && isQuestion)
    return yield* new InvalidInput({
      field: "id",
      reason: `${id} is a question: "bot-bottle answer ${id} TEXT" answers it`,
    })
  if (given.verdict === "answered" && !isQuestion)
    return yield* new InvalidInput({
      field: "id",
      reason: `${id} asks for ${requestText({ detail })}: approve or deny it`,
    })
  if (given.verdict === "approved" && given.scope === "once" && detail.kind !== "egress")
    return yield* new InvalidInput({
      field: "once",
      reason: `an approval of ${detail.kind} holds for the run: only one of egress can be for one connection`,
    })
  const text = given.verdict === "answered" ? given.answer : given.verdict === "denied" ? given.reason : "-"
  if (text.trim() === "" || text.length > ANSWER_MAX)
    return yield* new InvalidInput({
      field: given.verdict === "answered" ? "text" : "reason",
      reason: `it must have 1 to ${ANSWER_MAX} characters`,
    })
})

const NAME_MAX = 100

const decisionOf = ({ id }: BottleRequest, given: GivenDecision, at: string): RequestDecision => {
  const common = { version: 1 as const, id, by: given.by.slice(0, NAME_MAX), at }
  switch (given.verdict) {
    case "approved":
      return { ...common, verdict: "approved", scope: given.scope ?? "run" }
    case "denied":
      return { ...common, verdict: "denied", text: given.reason.trim() }
    case "answered":
      return { ...common, verdict: "answered", text: given.answer.trim() }
  }
}

/** A bottle that works on an issue may wait for this. Returns whether a service runs that resumes it. */
const tellService = Effect.fnUntraced(function* ({ id, slug }: BottleRequest, now: number) {
  const rows = yield* (yield* ForgeStateStore).all
  const row = rows.find((it) => it.slug === slug && it.status !== "destroyed")
  if (row === undefined) return false
  const { forge, owner, repo } = row
  yield* (yield* Inbox).accept(
    new InboxHint({
      id: HintId.make(`decided:${slug}:${id}`),
      forge,
      owner,
      repo,
      issueNumber: IssueNumber.make(row.issueNumber),
      kind: "operator",
      receivedAt: now,
      detail: { action: "decided" },
    }),
  )
  return Option.exists(yield* (yield* ServiceState).health, ({ isServing }) => isServing)
})
