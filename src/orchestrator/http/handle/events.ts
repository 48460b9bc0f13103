/** The stream of events: entries of the history, as they are stored. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { Effect } from "effect"
import { History } from "../../../services/History.ts"
import { ServiceApi } from "../ServiceApi.ts"
import { orUnavailable } from "./failures.ts"
import { OpenStreams, streamed } from "./streams.ts"
import { Tail } from "./Tail.ts"

/** `events` */
export const events = HttpApiBuilder.group(ServiceApi, "events", (handlers) =>
  Effect.map(Effect.context<History | OpenStreams | Tail>(), (context) =>
    handlers.handle("live", ({ headers, urlParams: { after } }) =>
      Effect.gen(function* () {
        const newest = yield* orUnavailable((yield* History).newest)
        // A number that was never given is from another database: what is new here is new to the viewer.
        const start = Math.min(headers["last-event-id"] ?? after ?? newest, newest)
        return yield* streamed((yield* Tail).after(start), { start })
      }).pipe(Effect.provide(context)),
    ),
  ),
)
