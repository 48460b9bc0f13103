/** What the HTTP interface has about requests of agents: lists, and the decisions of operators. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import { Schema } from "effect"
import {
  AgentRequest,
  ANSWER_MAX,
  RequestDecision,
  RequestId,
  RequestTaken,
} from "../../../domain/AgentRequest.ts"
import { BadRequest, Conflict, NotFound, Unavailable } from "./errors.ts"
import { pageOf, pageParams } from "./page.ts"

/** A request of an agent, with what became of it. Its detail and its reason are the agent's text. */
export const RequestView = Schema.Struct({
  ...AgentRequest.fields,
  /** What is asked for, on one line. */
  asks: Schema.String,
  state: Schema.Literal("open", "approved", "denied", "answered"),
  decision: Schema.NullOr(RequestDecision),
  taken: Schema.NullOr(RequestTaken),
  /** Whether an approval of one connection is used up. */
  used: Schema.Boolean,
})

/** A request after a decision. */
export const RequestChange = Schema.Struct({
  request: RequestView,
  /** Whether the bottle's neck is served now. Otherwise the decision counts in its next run. */
  isRunning: Schema.Boolean,
})

const id = HttpApiSchema.param("id", RequestId)
const text = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(ANSWER_MAX))

const approve = HttpApiEndpoint.post("approve")`/requests/${id}/approve`
  .setPayload(
    Schema.Struct({
      /** `once`: one connection; `run`, unless given: until the run ends. */
      scope: Schema.optional(Schema.Literal("once", "run")),
    }),
  )
  .addSuccess(RequestChange)
  .addError(BadRequest)
  .addError(NotFound)
  .addError(Conflict)
const deny = HttpApiEndpoint.post("deny")`/requests/${id}/deny`
  .setPayload(Schema.Struct({ reason: text }))
  .addSuccess(RequestChange)
  .addError(BadRequest)
  .addError(NotFound)
  .addError(Conflict)
const answer = HttpApiEndpoint.post("answer")`/requests/${id}/answer`
  .setPayload(Schema.Struct({ text }))
  .addSuccess(RequestChange)
  .addError(BadRequest)
  .addError(NotFound)
  .addError(Conflict)

/** `GET /requests`, and `POST` `/requests/ID/approve`, `deny` and `answer` */
export const requests = HttpApiGroup.make("requests")
  .add(
    HttpApiEndpoint.get("list", "/requests")
      .setUrlParams(
        Schema.Struct({
          ...pageParams,
          /** Also those that are decided. */
          all: Schema.optional(Schema.Literal("true", "false")),
        }),
      )
      .addSuccess(pageOf(RequestView))
      .addError(BadRequest),
  )
  .add(approve)
  .add(deny)
  .add(answer)
  .addError(Unavailable)
