/** What an agent is answered about one of its requests. */
import { Schema } from "effect"
import {
  type BottleRequest,
  RequestDecision,
  RequestId,
  RequestKind,
  detailText,
  opensIn,
  stateOfRequest,
} from "../../domain/AgentRequest.ts"
import { inline, oneWord, quoted } from "./showing.ts"

/** The answer. */
export const RequestAnswer = Schema.Struct({
  id: RequestId,
  kind: RequestKind,
  /** What was asked for, in one line. */
  detail: Schema.String,
  state: Schema.Literal("open", ...RequestDecision.fields.verdict.literals),
  /** Who decided. */
  by: Schema.optional(Schema.String),
  /** Of an approval: one connection, or the whole run. */
  scope: Schema.optional(Schema.Literal("once", "run")),
  /** Of an approval: whether it is in force now. */
  inForce: Schema.optional(Schema.Boolean),
  /** The operator's answer, or the reason of a denial. */
  text: Schema.optional(Schema.String),
})
/** The answer. */
export type RequestAnswer = typeof RequestAnswer.Type

/** The answer about a request, in a run. */
export const answerOf = (request: BottleRequest, run: number): RequestAnswer => {
  const { id, detail, decision } = request
  return {
    id,
    kind: detail.kind,
    detail: detailText(detail),
    state: stateOfRequest(request),
    ...(decision !== undefined && { by: decision.by }),
    ...(decision?.verdict === "approved" && {
      ...(decision.scope !== undefined && { scope: decision.scope }),
      inForce: opensIn(request, run),
    }),
    ...(decision?.text !== undefined && { text: decision.text }),
  }
}

/** The answer as text. */
export const showRequest = (answer: RequestAnswer): string =>
  [
    `request ${answer.id}: ${answer.state}${answer.by === undefined ? "" : ` by ${oneWord(answer.by)}`}`,
    `asked for: ${answer.kind} ${inline(answer.detail)}`,
    ...(answer.state === "open" ? [OPEN] : []),
    ...(answer.state === "approved" ? [approvedText(answer)] : []),
    ...(answer.text === undefined ? [] : [quoted(answer.text)]),
  ].join("\n")

const OPEN =
  "there is no decision yet: request-status waits for one. If you cannot go on without it, call signal-done with blocked and end. You are resumed with the decision"

const approvedText = ({ scope, inForce }: RequestAnswer): string =>
  inForce !== true
    ? "it is used up, or it held for an earlier run: ask again if you still need it"
    : scope === "once"
      ? "it holds for one connection"
      : "it holds until this run ends"
