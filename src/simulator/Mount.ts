/** Mount is what a simulator serves beside its API. */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { GiteaState } from "./state.ts"

/** Serves what the API does not: a repository over git's protocol, say. Says whether the request was its. */
export type Mount = (request: IncomingMessage, response: ServerResponse, state: GiteaState) => boolean
