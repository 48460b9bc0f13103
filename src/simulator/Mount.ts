/** Mount is a handler that a simulator serves beside its API. */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { GiteaState } from "./state.ts"

/** Serves requests outside of the API, for example git's protocol. Returns whether it handled the request. */
export type Mount = (request: IncomingMessage, response: ServerResponse, state: GiteaState) => boolean
