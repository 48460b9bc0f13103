/** listRequests: what agents ask people for. */
import { Effect } from "effect"
import { stateOfRequest } from "../domain/AgentRequest.ts"
import { Requests } from "../services/Requests.ts"
import { parseSlug } from "./parseSlug.ts"

/** Which requests to list. */
export interface RequestsOptions {
  /** Of this bottle only. */
  readonly slug?: string
  /** Decided ones too. */
  readonly all?: boolean
}

/** Requests that wait for a decision, oldest first; with `all`, every request of the bottles that exist. */
export const listRequests = Effect.fn("listRequests")(function* (options: RequestsOptions = {}) {
  const slug = options.slug === undefined ? undefined : yield* parseSlug(options.slug)
  const found = yield* (yield* Requests).all(slug)
  return options.all === true ? found : found.filter((request) => stateOfRequest(request) === "open")
})
