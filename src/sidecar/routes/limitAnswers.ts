/**
 * Refusals of calls to a model, in the form of each provider's own errors. Clients repeat 408, 409, 429 and 5xx, and what they do not
 * know; all of them give up on 400, with which providers refuse a call that can never succeed. `x-should-retry` says the same to the
 * clients that both providers publish. The texts contain no numbers: clients also look for statuses in them.
 */
import type { UseLimit } from "../../domain/usage/MeterLine.ts"
import type { ModelApi } from "../../domain/usage/readRequest.ts"
import type { NotAdmitted } from "../record/Meter.ts"

/** A refusal in a provider's form. */
export interface LimitAnswer {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
  /** For the operation log. */
  readonly reason: string
}

/** The API of a path, as a service reads it: escapes and capitals do not hide it. */
export const apiOf = (path: string): ModelApi | undefined => {
  const plain = path.replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
  return (["messages", "responses", "chat"] as const).find((api) => PATHS[api].test(plain))
}

const PATHS: Readonly<Record<ModelApi, RegExp>> = {
  messages: /\/messages\/?(?:;|$)/i,
  responses: /\/responses(?:\/compact)?\/?(?:;|$)/i,
  chat: /\/completions\/?(?:;|$)/i,
}

/** Why a call is refused. */
export type Refusal =
  | NotAdmitted
  | { readonly why: "unreadable" }
  | { readonly why: "unpriced"; readonly model: string }

/** The refusal of a call to an API. */
export const limitAnswer = (api: ModelApi | undefined, refusal: Refusal): LimitAnswer =>
  refusal.why === "busy" ? later(api) : final(api, textOf(refusal), reasonOf(refusal))

const final = (api: ModelApi | undefined, message: string, reason: string): LimitAnswer => ({
  status: 400,
  type: JSON_TYPE,
  text: JSON.stringify(
    api === "messages"
      ? { type: "error", error: { type: "invalid_request_error", message } }
      : {
          error: { message, type: "invalid_request_error", param: null, code: "billing_hard_limit_reached" },
        },
  ),
  headers: { "x-should-retry": "false" },
  reason,
})

/** Calls in flight hold what is left, and may use less: the client repeats the call. */
const later = (api: ModelApi | undefined): LimitAnswer => {
  const message = "Other calls of this run are in progress and may use up its limits. Try again."
  return {
    status: 429,
    type: JSON_TYPE,
    text: JSON.stringify(
      api === "messages"
        ? { type: "error", error: { type: "rate_limit_error", message } }
        : { error: { message, type: "requests", param: null, code: "rate_limit_exceeded" } },
    ),
    headers: { "retry-after": "1" },
    reason: "other calls have reserved the rest of the limits",
  }
}

const JSON_TYPE = "application/json"

const textOf = (refusal: Exclude<Refusal, { readonly why: "busy" }>): string => {
  switch (refusal.why) {
    case "over":
      return `This run has reached its limit of ${WHAT[refusal.limit]} (limits.${refusal.limit} of its bottle). No call to a model is served any more: stop here.`
    case "unpriced":
      return `This run has a limit of money, and ${nameOf(refusal.model)} has no known price: the operator can add it to prices.yaml.`
    case "unreadable":
      return "This run has a limit of tokens or money, and how much this call may use cannot be read from it: it must be JSON that names one model."
    case "unwritable":
      return "The call cannot be counted, so it was not made."
  }
}

/** A model's name as the agent wrote it goes into an answer to the agent alone. */
const nameOf = (model: string): string =>
  `the model "${model.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 100)}"`

const WHAT: Readonly<Record<UseLimit, string>> = {
  tokens: "tokens",
  cost: "money",
  calls: "calls to a model",
}

const reasonOf = (refusal: Exclude<Refusal, { readonly why: "busy" }>): string => {
  switch (refusal.why) {
    case "over":
      return `limit: ${refusal.limit}`
    case "unpriced":
      return "limit: cost, and the model has no known price"
    case "unreadable":
      return "a limit, and the call cannot be read"
    case "unwritable":
      return "the call cannot be counted"
  }
}
