/** The handler type for paths of the neck below one prefix. */
import type { Effect } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"

/** Serves a request whose path at the neck begins with its prefix. Completes when the call is over. */
export type ServePath = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
) => Effect.Effect<void>
